// One product's figures: draws the chart that Plotly made whole in Python, beside it the same as a table.
import { $, h } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { paced } from "./pace.js";
import { dark, draw } from "./plots.js";
import { saver } from "./save.js";
import { theme } from "./theme.js";
import { page } from "./page.js";
import { whole } from "./words.js";

const FRESH_MS = 10_000;
const HEADS = ["When", "Views", "Put into carts", "Units sold", `Revenue ${page.currency}`];
const node = $("course");
const read = () => JSON.parse($("course-data").dataset.course);
let made = node && read();

function drawCourse() {
  if (!globalThis.Plotly || !node.clientHeight) return false;
  const scheme = dark() ? "dark" : "light";
  draw(node, { ...made.figures[scheme].course, template: made.templates[scheme] }, []);
  return true;
}

function drawTable() {
  const head = HEADS.map((name) => h("th", { scope: "col" }, name));
  const body = made.rows.toReversed().map(([when, , views, carts, units, revenue]) =>
    h("tr", {}, ...[when, whole(views), whole(carts), whole(units), revenue].map((text) => h("td", {}, text))));
  $("course-table").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}

/** As a file has it: UTC. */
const rows = () => [["from", "views", "carts", "units", `revenue ${page.currency}`],
  ...made.rows.map(([, at, views, carts, units, revenue]) => [at, views, carts, units, Number(revenue)])];

if (node) {
  const mark = paced(node, 400, drawCourse);
  document.querySelector(".course .head").append(...saver({ label: "figures", name: () => made.name, title: () => made.title, node, rows, at: () => made.at,
    layout: () => ({ margin: { l: 70, r: 40, t: 100, b: 60 } }) }));
  $("course-twin").onclick = () => {
    const on = $("course-table").hidden;
    $("course-twin").setAttribute("aria-pressed", on);
    node.hidden = on;
    $("course-table").hidden = !on;
    if (on) drawTable(); else mark();
  };
  keepFresh(FRESH_MS, () => { made = read(); mark(); if (!$("course-table").hidden) drawTable(); });
  mark();
}
theme();
