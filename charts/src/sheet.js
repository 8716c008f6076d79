import { extendComponentModel, extendComponentView, graphic } from "echarts/core";
import TSpan from "zrender/lib/graphic/TSpan.js";

// strokes is a shape of straight lines that share a style: segments is [x1, y1, x2, y2, ...].
const Strokes = graphic.extendShape({
  type: "cxmirrorStrokes",
  shape: { segments: [] },
  buildPath(path, { segments }) {
    for (let i = 0; i + 3 < segments.length; i += 4) {
      path.moveTo(segments[i], segments[i + 1]);
      path.lineTo(segments[i + 2], segments[i + 3]);
    }
  },
});

// dots is a shape of circles that share a style: circles is [x, y, radius, ...].
const Dots = graphic.extendShape({
  type: "cxmirrorDots",
  shape: { circles: [] },
  buildPath(path, { circles }) {
    for (let i = 0; i + 2 < circles.length; i += 3) {
      path.moveTo(circles[i] + circles[i + 2], circles[i + 1]);
      path.arc(circles[i], circles[i + 1], circles[i + 2], 0, 2 * Math.PI);
    }
  },
});

const shapes = { strokes: Strokes, dots: Dots, rect: graphic.Rect };

// registerSheet adds what a picture holds beside its plots: words, the lines and grounds between them. It is
// a component of its own, not ECharts' graphic component, whose elements take three times as long to make.
//
// Option: sheet: {inks: [style of text ...], texts: [{words, x, y, align, ink}], marks: [{type, shape, style, z}]}.
export function registerSheet() {
  graphic.registerShape("cxmirrorStrokes", Strokes);
  graphic.registerShape("cxmirrorDots", Dots);
  extendComponentModel({
    type: "sheet",
    preventAutoZ: true, // grounds lie under the plots, words over them
    defaultOption: { inks: [], texts: [], marks: [] },
  });
  extendComponentView({
    type: "sheet",
    render(model) {
      this.group.removeAll();
      for (const { type, shape, style, z } of model.get("marks")) {
        this.group.add(new shapes[type]({ shape, style, z, silent: true }));
      }
      // Lines are broken and measured already: each is one span, without the machinery of rich text.
      const inks = model.get("inks");
      for (const { words, x, y, align, ink } of model.get("texts")) {
        const { fill, font, fontSize, fontWeight, fontFamily } = inks[ink];
        const style = { text: words, x, y, textAlign: align, textBaseline: "middle", fill, font, fontSize, fontWeight, fontFamily };
        this.group.add(new TSpan({ style, z: 10, silent: true }));
      }
    },
  });
}
