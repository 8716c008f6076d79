// The bundle that a browser and the engine without a browser both run. It knows how to draw the options
// that the Go side of this package makes, and nothing else: all words, colours and places are in the option.
import * as echarts from "echarts/core";
import { CustomChart } from "echarts/charts";
import { AriaComponent, GraphicComponent, GridComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

import { bar } from "./bar.js";
import { forest } from "./forest.js";
import { slope } from "./slope.js";

echarts.use([CustomChart, AriaComponent, GraphicComponent, GridComponent, TooltipComponent, SVGRenderer]);
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
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(JSON.parse(option));
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
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
