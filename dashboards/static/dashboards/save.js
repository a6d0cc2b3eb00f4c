// A chart to take away: as a picture, drawn by Plotly here, or as CSV of what it shows.
import { h, icon } from "./dom.js";
import { merge } from "./plots.js";
import { replaying } from "./replay.js";
import { store } from "./store.js";
import { day, time, zone } from "./words.js";

const WIDE = 1200, HIGH = 630, SCALE = 2, ROOM = 160; // px: the picture's sizes, and what a menu and the scrubber need below a button
const FORMULA = /^[\ufeff\u200b \u00a0\t\r\n\v\f]*[=+\-@|%＝＋－＠]|^[\t\r\n]/; // as shopsite/cells.py, and for its reasons

/** A value as a cell: numbers as they are, text that no spreadsheet takes for a formula. */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

function give(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

/** SVG by Plotly, painted here: its own way to PNG goes by blob: pictures, which our policy refuses. */
async function png(node, title, layout) {
  const paper = node.layout.template.layout.paper_bgcolor;
  const whole = merge(node.layout, { autosize: false, width: WIDE, height: HIGH, paper_bgcolor: paper, plot_bgcolor: paper,
    title: { text: title, x: 0, xref: "paper", xanchor: "left", y: 0.965, yanchor: "top", font: { size: 20 } } });
  const url = await Plotly.toImage({ data: node.data, layout: merge(whole, layout) }, { format: "svg", width: WIDE, height: HIGH });
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = h("canvas", { width: WIDE * SCALE, height: HIGH * SCALE });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

let numbered = 0;

/**
 * A button with the two ways to take a chart away.
 * chart: {label of the button, name() for the file, title() for the picture, node, rows() with their heads, layout() for the picture, at() where it is not the live page}
 */
export function saver({ label, name, title, node, rows, layout = () => ({}), at = () => replaying()?.at ?? store.at }) {
  const file = (end) => `${name()}-${new Date(at()).toISOString().slice(0, 16).replaceAll(":", "")}Z.${end}`;
  const says = () => `${title()} · ${day(at())} ${time(at())} ${zone(at())}`;
  const save = { "Picture (PNG)": async () => give(await png(node, says(), layout()), file("png")),
    "Table (CSV)": () => give(new Blob([csv(rows())], { type: "text/csv;charset=utf-8" }), file("csv")) };
  const id = `save-${++numbered}`;
  const menu = h("div", { class: "menu", popover: "auto", id }, ...Object.entries(save).map(([words, run]) =>
    h("button", { type: "button", onclick: () => { menu.hidePopover(); run(); } }, words)));
  const button = h("button", { class: "quiet save", type: "button", "aria-label": `Save ${label}`, popovertarget: id }, icon("save"));
  menu.addEventListener("beforetoggle", () => {
    const { top, bottom, right } = button.getBoundingClientRect(), above = bottom + ROOM > innerHeight;
    menu.style.top = above ? "auto" : `${bottom + 4}px`;
    menu.style.bottom = above ? `${innerHeight - top + 4}px` : "auto";
    menu.style.right = `${document.documentElement.clientWidth - right}px`;
    menu.firstChild.disabled = !node.classList.contains("js-plotly-plot");
  });
  return [button, menu];
}
