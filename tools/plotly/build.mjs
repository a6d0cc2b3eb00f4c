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
  banner: { js: banner },
});
// what the server sends: made here, since the best compression takes seconds
writeFileSync(new URL(`${file}.br`), brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }));
