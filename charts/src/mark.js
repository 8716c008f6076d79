// Marks that several pictures share.

// crisp rounds a coordinate to half a pixel, so that thin lines stay thin.
export function crisp(coordinate) {
  return Math.round(coordinate - 0.5) + 0.5;
}

// round keeps a coordinate to a hundredth of a pixel: enough for the eye, and short.
export function round(coordinate) {
  return Math.round(coordinate * 100) / 100;
}

// rect is a filled rectangle; corners are the radii [top left, top right, bottom right, bottom left].
export function rect(x1, x2, y, height, corners, fill) {
  const x = Math.min(x1, x2);
  return {
    type: "rect",
    shape: { x: round(x), y: round(y), width: round(Math.abs(x2 - x1)), height, r: corners },
    style: { fill },
  };
}

// whisker is an interval: a thin line with a cap at both ends, on a halo of the ground that keeps it visible
// on any bar.
export function whisker(x1, x2, y, cap, { ink, halo }) {
  const [left, right] = [crisp(Math.min(x1, x2)), crisp(Math.max(x1, x2))];
  const middle = crisp(y);
  const pathData =
    `M${left} ${middle - cap}V${middle + cap}M${left} ${middle}H${right}` +
    `M${right} ${middle - cap}V${middle + cap}`;
  return [
    { type: "path", shape: { pathData }, style: { fill: "none", stroke: halo, lineWidth: 3.5, opacity: 0.55 } },
    { type: "path", shape: { pathData }, style: { fill: "none", stroke: ink, lineWidth: 1.25 } },
  ];
}

// label is one line of text, centred on y. Its width is never asked for: it is anchored at x.
export function label(text, x, y, align, style) {
  return {
    type: "text",
    x: round(x),
    y: round(y),
    silent: true,
    style: { text, x: 0, y: 0, align, verticalAlign: "middle", ...style },
  };
}
