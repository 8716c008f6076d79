import { rect, whisker } from "./mark.js";

// bar draws one option on one side of the mirror: the share as a bar that grows away from the words, and its
// interval. An option without a share has neither.
//
// Dimensions: 0 row (y), 1 share, 2 low, 3 high. Payload: side (-1 grows to the left), thickness, radius, cap,
// whisker (a colour).
export function bar(params, api) {
  const { side, thickness, radius, cap, whisker: ink } = params.itemPayload;
  const at = (value) => api.coord([value, api.value(0)]);
  const [share, low, high] = [api.value(1), api.value(2), api.value(3)];
  const [zero, y] = at(0);
  const children = [];
  if (Number.isFinite(share) && share > 0) {
    const corners = side < 0 ? [radius, 0, 0, radius] : [0, radius, radius, 0];
    children.push(rect(zero, at(share)[0], y - thickness / 2, thickness, corners, api.visual("color")));
  }
  if (Number.isFinite(low) && Number.isFinite(high)) {
    children.push(whisker(at(low)[0], at(high)[0], y, cap, ink));
  }
  return { type: "group", children };
}
