// Builds ../charts/assets: one bundle of ECharts and our drawing code, the fonts, and their licences.
// Run by `npm run build`; nothing is fetched here.
import { build } from "esbuild";
import { copyFile, mkdir, readFile } from "node:fs/promises";

const modules = new URL("node_modules/", import.meta.url);
const assets = new URL("assets/", import.meta.url);

const echarts = JSON.parse(await readFile(new URL("echarts/package.json", modules), "utf8"));

await mkdir(assets, { recursive: true });
await build({
  entryPoints: [new URL("src/index.js", import.meta.url).pathname],
  outfile: new URL("echarts.js", assets).pathname,
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "cxmirror",
  target: "es2018", // what both old phones and the engine without a browser understand
  charset: "utf8",
  legalComments: "none", // the licences lie beside the bundle; the banner names them
  banner: {
    js: `/* Apache ECharts ${echarts.version} (Apache-2.0, see LICENSE.echarts.txt and NOTICE.echarts.txt) with the drawing code of cxmirror */`,
  },
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "info",
});

const copies = {
  "@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf": "NotoSans-Regular.ttf",
  "@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf": "NotoSans-SemiBold.ttf",
  "@expo-google-fonts/noto-sans/LICENSE_FONT": "LICENSE.noto-sans.txt",
  "echarts/LICENSE": "LICENSE.echarts.txt",
  "echarts/NOTICE": "NOTICE.echarts.txt",
  "echarts/licenses/LICENSE-d3": "LICENSE.d3.txt",
  "zrender/LICENSE": "LICENSE.zrender.txt",
  "tslib/LICENSE.txt": "LICENSE.tslib.txt",
};
for (const [from, to] of Object.entries(copies)) {
  await copyFile(new URL(from, modules), new URL(to, assets));
}
