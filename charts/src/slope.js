import { crisp, round, strokes } from "./mark.js";

// slope draws one option's way from its place outside to its place inside: a line with a mark at both ends,
// and beside the ends a bracket over the places it may truly hold.
//
// Dimensions: 0 row outside, 1 row inside (y), 2 and 3 the first and last row it may hold outside, 4 and 5
// inside, 6 verdict, 7 and 8 how far its brackets stand from the axes (px; below 0: none). Payload: widths,
// sizes and dashes by verdict, ground, bracketWidth.
export function slope(params, api) {
  const { widths, sizes, dashes, ground, bracketWidth } = params.itemPayload;
  const verdict = api.value(6);
  const color = api.visual("color");
  const [x1, y1] = api.coord([0, api.value(0)]).map(round);
  const [x2, y2] = api.coord([1, api.value(1)]).map(round);
  const row = (dimension) => crisp(api.coord([0, api.value(dimension)])[1]);

  const brackets = [];
  if (api.value(7) >= 0) {
    brackets.push(...bracket(crisp(x1 + api.value(7)), row(2), row(3)));
  }
  if (api.value(8) >= 0) {
    brackets.push(...bracket(crisp(x2 - api.value(8)), row(4), row(5)));
  }
  const children = brackets.length > 0 ? [strokes(brackets, color, bracketWidth)] : [];
  const way = strokes([x1, y1, x2, y2], color, widths[verdict]);
  way.style.lineDash = dashes[verdict];
  way.style.lineCap = "round";
  const circles = [x1, y1, sizes[verdict], x2, y2, sizes[verdict]];
  children.push(way, {
    type: "cxmirrorDots",
    shape: { circles },
    style: { fill: color, stroke: ground, lineWidth: 1.5 },
  });
  return { type: "group", children };
}

function bracket(x, top, bottom) {
  return [x - 3, top, x + 3, top, x, top, x, bottom, x - 3, bottom, x + 3, bottom];
}
