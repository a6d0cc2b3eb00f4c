// Charts that Plotly made whole in Python, on pages that the server writes: drawn here, and beside each the same as a table.
import { h, say } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { nameOf } from "./names.js";
import { paced } from "./pace.js";
import { draw } from "./plots.js";
import { saver } from "./save.js";
import { tabbed } from "./tabbed.js";
import { dark, theme } from "./theme.js";
import { cells, tellAll } from "./told.js";

const FRESH_MS = 10_000;

/** A section with a place for the plot, what was made for it, and perhaps a table with its button. Returns what renews it. */
function chart(section) {
  const node = section.querySelector(".plot"), table = section.querySelector(".twin"), button = section.querySelector("[data-twin]");
  const read = () => JSON.parse(section.querySelector("[data-made]").dataset.made);
  let made = read();
  const mark = paced(node, 400, () => {
    if (!globalThis.Plotly || !node.clientHeight) return false;
    const scheme = dark() ? "dark" : "light";
    draw(node, { ...made.figures[scheme].chart, template: made.templates[scheme] }, []);
    return true;
  });
  const drawTable = () => {
    const head = made.heads.map((name) => h("th", { scope: "col" }, name));
    const body = made.csv.slice(1).toReversed().map((values) => h("tr", {}, ...cells(made, values).map((text) => h("td", {}, text))));
    table.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
  };
  if (made.csv) {
    section.querySelector(".head").append(...saver({ label: section.dataset.chart, name: () => made.name, title: () => made.title, node, rows: () => made.csv, at: () => made.at,
      layout: () => ({ margin: { l: 70, r: 40, t: 100, b: 60 } }) }));
  }
  if (button) {
    button.onclick = () => {
      const on = table.hidden;
      button.setAttribute("aria-pressed", on);
      node.hidden = on;
      table.hidden = !on;
      if (on) drawTable(); else mark();
    };
  }
  mark();
  return () => { made = read(); mark(); if (table && !table.hidden) drawTable(); };
}

const charts = [...document.querySelectorAll("[data-chart]")].map(chart);
/** Values that the server writes as they are counted, as the live page calls them. */
function callByName() {
  for (const node of document.querySelectorAll("[data-named]")) {
    node.dataset.value ??= node.textContent;
    say(node, nameOf(node.dataset.named, node.dataset.value));
  }
}
callByName();
tellAll();
if ("moves" in document.body.dataset) keepFresh(FRESH_MS, () => { charts.forEach((renew) => renew()); callByName(); tellAll(); });
document.querySelectorAll("[role=tablist]").forEach(tabbed);
theme();
