// Makes the bundle of dashboards/static/dashboards/vendor/: `npm ci --ignore-scripts && npm run build`.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";

const { version } = createRequire(import.meta.url)("plotly.js/package.json");
const file = new URL(`../../dashboards/static/dashboards/vendor/plotly-bars-${version}.min.js`, import.meta.url);
// first: Chromium then compiles every function beside the page and not within it, most are called at once
const banner = `//# allFunctionsCalledOnLoad
/**
* plotly.js (core and bar - minified) v${version}
* Copyright 2012-2026, Plotly, Inc.
* All rights reserved.
* Licensed under the MIT license
*/`;

// what of plotly.js no chart of ours has; whoever draws one takes its name out
const UNUSED = ["annotations3d", "colorbar", "errorbars", "grid", "images", "rangeselector", "rangeslider", "sliders", "updatemenus"];
// its attributes described in English, for its manual: plotly.js's own bundles leave them out as well
const TOLD = /^\s*description: ?(?:\n\s*)?(?:'[^\n]*'|\[(?:(?!^\s*(?:\w+:|\}))[\s\S])*?\](?:\.join\([^\n]*?\))?),?$/gm;
// the spaces that a colour may be written in; culori itself brings thirty
const COLOURS = `export { converter, formatHex, formatRgb, wcagContrast, wcagLuminance } from "culori/fn";
import { modeHsl, modeHwb, modeLrgb, modeRgb, useMode } from "culori/fn";
[modeRgb, modeLrgb, modeHsl, modeHwb].forEach((mode) => useMode(mode));`;

const smaller = {
  name: "smaller",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /plotly\.js[\\/]src[\\/]core\.js$/ }, ({ path }) => ({
      contents: UNUSED.reduce((text, name) => text.replace(`require('./components/${name}'),`, ""), readFileSync(path, "utf8")), loader: "js" }));
    onLoad({ filter: /plotly\.js[\\/]src[\\/].*\.js$/ }, ({ path }) => ({ contents: readFileSync(path, "utf8").replace(TOLD, ""), loader: "js" }));
    onResolve({ filter: /^culori$/ }, () => ({ path: "culori", namespace: "smaller" }));
    onLoad({ filter: /^culori$/, namespace: "smaller" }, () => ({ contents: COLOURS, resolveDir: import.meta.dirname }));
  },
};

await build({
  // core has scatter; the rest is as in plotly.js's own esbuild-config.js
  stdin: { contents: `const Plotly = require("plotly.js/lib/core"); Plotly.register(require("plotly.js/lib/bar")); module.exports = Plotly;`, resolveDir: import.meta.dirname },
  outfile: file.pathname,
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "Plotly",
  define: { global: "window", "define.amd": "false" },
  loader: { ".css": "empty" }, // of maps
  target: "es2020",
  legalComments: "inline",
  plugins: [smaller],
  banner: { js: banner },
});
// what the server sends: made here, since the best compression takes seconds
writeFileSync(new URL(`${file}.br`), brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }));
