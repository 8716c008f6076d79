import { crisp, round, whisker } from "./mark.js";

// forest draws one difference: its interval, and a mark whose shape tells the verdict without colour. An
// option whose difference is not known has neither.
//
// Dimensions: 0 row (y), 1 difference, 2 low, 3 high, 4 shape ("diamond", "disc" or "ring"). Payload: size, cap,
// ground (a colour).
export function forest(params, api) {
  const { size, cap, ground } = params.itemPayload;
  const color = api.visual("color");
  const at = (value) => api.coord([value, api.value(0)]);
  const [difference, low, high] = [api.value(1), api.value(2), api.value(3)];
  const children = [];
  if (Number.isFinite(low) && Number.isFinite(high)) {
    children.push(whisker(at(low)[0], at(high)[0], at(0)[1], cap, color));
  }
  if (Number.isFinite(difference)) {
    const [x, y] = at(difference);
    children.push(mark(api.value(4), round(x), crisp(y), size, color, ground));
  }
  return { type: "group", children };
}

// mark is the estimate itself, set off from the interval by a rim of the ground.
function mark(shape, cx, cy, size, color, ground) {
  const filled = { fill: color, stroke: ground, lineWidth: 1.5 };
  if (shape === "diamond") {
    const r = size * 1.25;
    const points = [[cx, cy - r], [cx + r, cy], [cx, cy + r], [cx - r, cy]];
    return { type: "polygon", shape: { points }, style: filled };
  }
  const style = shape === "ring" ? { fill: ground, stroke: color, lineWidth: 1.75 } : filled;
  return { type: "circle", shape: { cx, cy, r: size }, style };
}
