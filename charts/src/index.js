// The bundle that a browser and the engine without a browser both run. It knows how to draw the options
// that the Go side of this package makes, and nothing else: all words, colours and places are in the option.
import * as echarts from "echarts/core";
import { CustomChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";
import LRU from "zrender/lib/core/LRU.js";
import { setAsPrimitive } from "zrender/lib/core/util.js";

import { bar } from "./bar.js";
import { forest } from "./forest.js";
import { registerSheet } from "./sheet.js";
import { slope } from "./slope.js";

// zrender keeps the widths of texts in plain objects by the text itself, so that a label "__proto__" or
// "constructor" would reach, and change, the prototype of all objects. A letter before every key prevents it.
const { get, put } = LRU.prototype;
LRU.prototype.get = function (key) {
  return get.call(this, "k" + key);
};
LRU.prototype.put = function (key, value) {
  return put.call(this, "k" + key, value);
};

echarts.use([CustomChart, AriaComponent, GridComponent, TooltipComponent, SVGRenderer]);
registerSheet();
echarts.registerCustomSeries("cxmirror.bar", bar);
echarts.registerCustomSeries("cxmirror.forest", forest);
echarts.registerCustomSeries("cxmirror.slope", slope);

// measureWith replaces the measuring of text, for engines without a canvas: measure(text, font) returns a
// width in CSS pixels.
export function measureWith(measure) {
  echarts.setPlatformAPI({ measureText: (text, font) => ({ width: measure(String(text), String(font)) }) });
}

// svg draws an option, given as JSON, and returns the picture as the text of an SVG.
export function svg(option, width, height) {
  const { tooltip, aria, ...still } = JSON.parse(option); // a still picture has no use for these
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(uncopied(still));
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

// uncopied marks the long lists of an option, which nobody else holds, so that ECharts takes them as they are.
function uncopied(option) {
  for (const list of Object.values(option.sheet || {})) {
    setAsPrimitive(list);
  }
  return option;
}

// enliven puts a living chart, with tooltips, in place of whatever an element holds (the still picture, as a
// rule). The element carries the option in data-option, and the size it was laid out for in data-width and
// data-height. If the option can't be drawn, the element stays as it was.
export function enliven(element) {
  const option = JSON.parse(element.dataset.option);
  const width = Number(element.dataset.width);
  const height = Number(element.dataset.height);
  const still = Array.from(element.childNodes);
  element.replaceChildren();
  const chart = echarts.init(element, null, { renderer: "svg", width, height });
  try {
    chart.setOption(option);
  } catch (error) {
    chart.dispose();
    element.replaceChildren(...still);
    throw error;
  }
  return chart;
}
