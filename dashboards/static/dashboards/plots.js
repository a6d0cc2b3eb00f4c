// Puts data into the figures that Plotly made in Python. Nothing is drawn before both are here.
import { h } from "./dom.js";
import { redraw } from "./pace.js";
import { onFigures } from "./socket.js";
import { dark } from "./theme.js";
import { plotlyLocale } from "./words.js";

const CONFIG = { displayModeBar: false, showTips: false };
let config; // with the viewer's locale: its names take milliseconds to make, so they are made with the first chart
const sizes = new WeakMap(); // node -> the sizes that it was drawn at
const resized = new ResizeObserver((entries) => { if (entries.some(({ target }) => sizes.get(target) !== size(target))) redraw(); });
const size = (node) => `${node.clientWidth} ${node.clientHeight}`;
let made;
onFigures((message) => { made = message; redraw(); });
// fetched only now, or since early.js ran: beside our own script it would hold that up on a narrow line
if (document.body.dataset.plotly) document.head.append(h("script", { src: document.body.dataset.plotly, onload: redraw }));
document.fonts.ready.then(redraw);

/** The figure of this name in the scheme in use, or undefined while something is still on its way. */
export function figure(name) {
  if (!made || !globalThis.Plotly) return undefined;
  const scheme = dark() ? "dark" : "light";
  return { ...made.figures[scheme][name], template: made.templates[scheme] };
}

/** Draws a figure with `data`, one object of values a trace, and `layout` on top of its own. */
export function draw(node, fig, data, layout = {}) {
  config ??= { ...CONFIG, locale: "viewer", locales: { viewer: plotlyLocale() } };
  const { decimal, thousands } = config.locales.viewer.format; // the template has those of English
  const traces = fig.data.map((trace, i) => merge(trace, data[i] ?? {}));
  if (!node.classList.contains("js-plotly-plot")) {
    node.replaceChildren();
    resized.observe(node);
  }
  sizes.set(node, size(node));
  const own = { template: fig.template, separators: decimal + thousands, width: node.clientWidth, height: node.clientHeight };
  Plotly.react(node, traces, merge({ ...own, ...fig.layout }, layout), config);
}

/** Clears a chart's place for words. */
export function clear(node) {
  if (node.classList.contains("js-plotly-plot")) Plotly.purge(node);
}

/** Two layouts as one: the second is heard where both speak; lists are replaced whole. */
export function merge(base, more) {
  const both = { ...base };
  for (const [name, value] of Object.entries(more)) {
    const plain = value !== null && typeof value === "object" && !Array.isArray(value);
    both[name] = plain ? merge(base[name] ?? {}, value) : value;
  }
  return both;
}

/** Plotly reads some tags in texts: what came from an event is shown as it stands. */
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** {top, step}: an axis from 0 whose `n` steps are whole and round. */
export function scale(most, n) {
  const rough = Math.max(1, most / n), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 3, 4, 5, 10].map((m) => m * power).find((s) => s >= rough && Number.isInteger(s)) ?? Math.ceil(rough);
  return { top: step * n, step };
}
