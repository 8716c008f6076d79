// Marks that several pictures share.

// crisp rounds a coordinate to half a pixel, so that thin lines stay thin.
export function crisp(coordinate) {
  return Math.round(coordinate - 0.5) + 0.5;
}

// round keeps a coordinate to a hundredth of a pixel: enough for the eye, and short.
export function round(coordinate) {
  return Math.round(coordinate * 100) / 100;
}

// rect is a filled rectangle between two ends; corners are the radii [top left, top right, bottom right,
// bottom left].
export function rect(x1, x2, y, height, corners, fill) {
  const shape = { x: round(Math.min(x1, x2)), y: round(y), width: round(Math.abs(x2 - x1)), height, r: corners };
  return { type: "rect", shape, style: { fill } };
}

// strokes is straight lines: segments is [x1, y1, x2, y2, ...].
export function strokes(segments, stroke, lineWidth) {
  return { type: "cxmirrorStrokes", shape: { segments }, style: { fill: "none", stroke, lineWidth } };
}

// whisker is an interval: a thin line with a cap at both ends.
export function whisker(x1, x2, y, cap, ink) {
  const [left, right, middle] = [crisp(Math.min(x1, x2)), crisp(Math.max(x1, x2)), crisp(y)];
  const segments = [
    [left, middle - cap, left, middle + cap],
    [left, middle, right, middle],
    [right, middle - cap, right, middle + cap],
  ];
  return strokes(segments.flat(), ink, 1.25);
}
