import { crisp, round, whisker } from "./mark.js";

// forest draws one difference: its interval, and a mark whose shape tells the verdict without colour.
//
// Dimensions: 0 row (y), 1 difference, 2 low, 3 high, 4 shape ("diamond", "disc" or "ring"). Payload: size,
// cap, whisker, ground. Intervals that run out of the plot are cut at its edge, with an arrow.
export function forest(params, api) {
  const { size, whisker: line, cap, ground } = params.itemPayload;
  const [difference, low, high] = [api.value(1), api.value(2), api.value(3)];
  const [x, y] = api.coord([difference, api.value(0)]);
  const children = [];
  if (Number.isFinite(low) && Number.isFinite(high)) {
    const [left, right] = [api.coord([low, 0])[0], api.coord([high, 0])[0]];
    children.push(...whisker(left, right, y, cap, { ...line, ink: api.visual("color") }));
  }
  const color = api.visual("color");
  const shape = api.value(4);
  const [cx, cy] = [round(x), crisp(y)];
  if (shape === "diamond") {
    const r = size * 1.25;
    const pathData = `M${cx} ${cy - r}L${cx + r} ${cy}L${cx} ${cy + r}L${cx - r} ${cy}Z`;
    children.push({ type: "path", shape: { pathData }, style: { fill: color, stroke: ground, lineWidth: 1.5 } });
  } else {
    const style = shape === "ring" ? { fill: ground, stroke: color, lineWidth: 1.75 } : { fill: color, stroke: ground, lineWidth: 1.5 };
    children.push({ type: "circle", shape: { cx, cy, r: size }, style });
  }
  return { type: "group", children };
}
