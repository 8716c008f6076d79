import { label, rect, whisker } from "./mark.js";

// bar draws one option on one side of the mirror: the share as a bar that grows away from the words, its
// interval, and the share in figures beyond both. An option without a share has figures only.
//
// Dimensions: 0 row (y), 1 share, 2 low, 3 high, 4 figures. Payload: side (-1 grows to the left), thickness,
// radius, cap, gap, whisker, label.
export function bar(params, api) {
  const { side, thickness, radius, cap, gap, whisker: line, label: style } = params.itemPayload;
  const [share, low, high] = [api.value(1), api.value(2), api.value(3)];
  const at = (value) => api.coord([value, api.value(0)]);
  const [zero, y] = at(0);
  const children = [];
  let end = zero;
  if (Number.isFinite(share)) {
    const corners = side < 0 ? [radius, 0, 0, radius] : [0, radius, radius, 0];
    const [tip] = at(share);
    end = tip;
    if (tip !== zero) {
      children.push(rect(zero, tip, y - thickness / 2, thickness, corners, api.visual("color")));
    }
    if (Number.isFinite(low) && Number.isFinite(high)) {
      const [near, far] = [at(low)[0], at(high)[0]];
      children.push(...whisker(near, far, y, cap, line));
      end = side < 0 ? Math.min(far, tip) : Math.max(far, tip);
    }
  }
  children.push(label(api.value(4), end + side * gap, y, side < 0 ? "right" : "left", style));
  return { type: "group", children };
}
