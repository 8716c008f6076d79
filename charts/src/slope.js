import { crisp, round } from "./mark.js";

// slope draws one option's way from its place outside to its place inside: a line with a mark at both ends,
// and beside the ends a bracket over the places it may truly hold.
//
// Dimensions: 0 row outside, 1 row inside (y), 2 and 3 the first and last row it may hold outside, 4 and 5
// inside, 6 verdict, 7 and 8 how far its brackets stand from the axes (px; below 0: none). Payload: widths,
// sizes and dashes by verdict, ground, bandWidth.
export function slope(params, api) {
  const { widths, sizes, dashes, ground, bandWidth } = params.itemPayload;
  const weight = api.value(6);
  const color = api.visual("color");
  const [x1, y1] = api.coord([0, api.value(0)]);
  const [x2, y2] = api.coord([1, api.value(1)]);
  const children = [];
  for (const [x, from, to, lane, side] of [
    [x1, api.value(2), api.value(3), api.value(7), 1],
    [x2, api.value(4), api.value(5), api.value(8), -1],
  ]) {
    if (lane < 0 || !Number.isFinite(from) || !Number.isFinite(to)) {
      continue;
    }
    const [top, bottom] = [api.coord([0, from])[1], api.coord([0, to])[1]];
    const at = crisp(x + side * lane);
    const pathData = `M${at - 3} ${crisp(top)}H${at + 3}M${at} ${crisp(top)}V${crisp(bottom)}M${at - 3} ${crisp(bottom)}H${at + 3}`;
    children.push({ type: "path", shape: { pathData }, style: { fill: "none", stroke: color, lineWidth: bandWidth, opacity: 0.75 } });
  }
  children.push({
    type: "line",
    shape: { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) },
    style: { stroke: color, lineWidth: widths[weight], lineDash: dashes[weight], lineCap: "round" },
  });
  for (const [cx, cy] of [[x1, y1], [x2, y2]]) {
    children.push({
      type: "circle",
      shape: { cx: round(cx), cy: round(cy), r: sizes[weight] },
      style: { fill: color, stroke: ground, lineWidth: 1.5 },
    });
  }
  return { type: "group", children };
}
