// The signature tile: what is looked at, what lies in carts, what is left, and for how long.
import { $, arrange, bones, h, icon, nothing, replace, say, svg } from "../dom.js";
import { choose, chosen, grey, onFilter, split } from "../filters.js";
import { mood, since } from "../mood.js";
import { page } from "../page.js";
import { paced } from "../pace.js";
import { reads, section, told } from "../store.js";
import { UNKNOWN, whole } from "../words.js";

const ROWS = 10;
const COLUMNS = [
  { id: "name", name: "Product", up: true, by: (row) => row.title.toLowerCase(), says: "by name" },
  { id: "spark", name: "Views, 30 min" },
  { id: "views", name: "Views/min", by: (row) => row.views, says: "most looked at" },
  { id: "carts", name: "In carts", by: (row) => row.carts, says: "most in carts" },
  { id: "sold", name: "Sold 30 min", by: (row) => row.sold, says: "most sold" },
  { id: "available", name: "Available", up: true, by: (row) => row.available ?? Infinity, says: "fewest left", stock: true },
  { id: "left", name: "Sells out in", up: true, by: (row) => row.left ?? Infinity, says: "first to sell out", stock: true },
];
const BY_VIEWS = { column: COLUMNS.find(({ id }) => id === "views"), up: false };
const node = $("products"), rows = new Map();
let order = { column: COLUMNS.at(-1), up: true }, body;

/** Whether nothing is known of the column: stock is known of now only. */
const unknown = (column) => Boolean(column.stock) && mood() === "replay";
/** How the rows are sorted: as was chosen, where that is known. */
const inUse = () => (unknown(order.column) ? BY_VIEWS : order);

function sellOut({ available, left, words }) {
  if (available !== null && available <= 0) return h("span", { class: "state pill bad" }, icon("cross"), "Sold out");
  if (left === null) return h("span", { class: "state" }, UNKNOWN);
  const [text] = words.split(" ("); // the interval has no room: it is told on pointing at it
  if (left < 30) return h("span", { class: "state pill warn", title: words }, icon("alert"), text);
  if (left < 120) return h("span", { class: "state warn", title: words }, icon("clock"), text);
  return h("span", { class: "state", title: words }, text);
}

/** Each minute as the mean of itself and its neighbours: single views a minute would only flicker. */
const smooth = (values) => values.map((_, i) => {
  const near = values.slice(Math.max(0, i - 1), i + 2);
  return near.reduce((sum, value) => sum + value, 0) / near.length;
});

function spark(minutes = []) {
  const values = smooth(minutes);
  const top = Math.max(1, ...values) * 1.05;
  const points = values.map((value, i) => `${((i / Math.max(1, values.length - 1)) * 72).toFixed(1)} ${(21 - (value / top) * 19).toFixed(1)}`);
  const line = points.length ? `M${points.join("L")}` : "";
  return svg("svg", { class: "spark", viewBox: "0 0 72 22", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "area", d: line && `${line}L72 22L0 22Z` }), svg("path", { d: line }));
}

function items() {
  const names = section("names"), sparks = section("sparks");
  const list = [...section("products")].map(([id, [views, carts, sold, available, left, words]]) => {
    const [title, picture, link] = names.get(id) ?? [id, null, null];
    return { id, views, carts, sold, available, left, words, title, picture, link, spark: sparks.get(id) };
  });
  const { column, up } = inUse(), sign = up ? 1 : -1;
  return list.sort((a, b) => {
    const x = column.by(a), y = column.by(b);
    return (x < y ? -sign : x > y ? sign : 0) || b.views - a.views || (a.id < b.id ? -1 : 1);
  }).slice(0, ROWS);
}

/** Narrows the page to the product; a guest has no filters. */
const sift = ({ id, title }, only) => !page.shared && h("button", { class: "sift", type: "button", "aria-pressed": String(only), "aria-label": `Only ${title}`, title: only ? "Show everything again" : "Show only this product", onclick: () => choose("product", id) }, icon("filter"));

const cell = (id) => h("td", { role: "cell", class: `c-${id}` });
function row(id) {
  if (!rows.has(id)) rows.set(id, h("tr", { role: "row", "data-id": id }, ...COLUMNS.map((column) => cell(column.id))));
  return rows.get(id);
}

function fill(item) {
  const tr = row(item.id), [name, line, views, carts, sold, available, left] = tr.cells;
  const picture = item.picture ? h("img", { src: item.picture, alt: "", width: 24, height: 24 }) : h("span", { class: "noimg", "aria-hidden": "true" });
  const only = chosen("product") === item.id;
  replace(name, `${item.title}${item.picture}${item.link}${only}`, () => h("div", {}, h("a", { class: "item", href: item.link, title: item.title }, picture, h("span", {}, item.title)), sift(item, only)));
  replace(line, String(item.spark), () => spark(item.spark));
  say(views, whole(item.views)); say(carts, whole(item.carts)); say(sold, whole(item.sold));
  const short = item.available === null ? "" : item.available <= 0 ? "none" : item.carts > item.available ? "short" : "";
  replace(available, `${item.available}${short}`, () => (item.available === null ? UNKNOWN : h("span", { class: short }, whole(item.available))));
  replace(left, `${item.available} ${item.words}`, () => sellOut(item));
  return tr;
}

function sortBy(column) {
  const now = inUse();
  order = { column, up: now.column === column ? !now.up : Boolean(column.up) };
  drawProducts();
}

function heads() {
  const { column, up } = inUse(), usual = up === Boolean(column.up);
  for (const th of node.querySelectorAll("th[data-id]")) {
    const own = COLUMNS.find((one) => one.id === th.dataset.id), on = own === column, button = th.firstChild;
    if (on) th.setAttribute("aria-sort", up ? "ascending" : "descending");
    else th.removeAttribute("aria-sort");
    button.disabled = unknown(own);
    button.title = unknown(own) ? "known of now only" : "";
    replace(button, `${on}${up}`, () => [own.name, ...(on ? [icon(up ? "up" : "down")] : [])]);
  }
  $("products-window").dataset.says = usual ? column.says : `${column.says}, last first`;
  say($("products-window"), mood() === "stale" ? since() : $("products-window").dataset.says);
}

function table() {
  const head = COLUMNS.map((column) => (column.by
    ? h("th", { scope: "col", class: `c-${column.id}`, "data-id": column.id }, h("button", { type: "button", onclick: () => sortBy(column) }, column.name))
    : h("th", { scope: "col", class: `c-${column.id}` }, h("span", { class: "unseen" }, column.name))));
  body = h("tbody");
  return h("table", { class: "grid goods", role: "table" }, h("colgroup", {}, ...COLUMNS.map((column) => h("col", { class: `c-${column.id}` }))), h("thead", {}, h("tr", {}, ...head)), body);
}

function drawProducts() {
  if (mood() === "loading") return false;
  if (!split("products")) { replace(node, "unsplit", () => grey("What single products do")); return true; }
  if (!told("products")) { replace(node, "bones", () => bones("b-row", ROWS)); return false; }
  const list = items();
  if (!list.length) {
    replace(node, `nothing ${mood()}`, () => nothing("No product has been looked at yet.", mood() === "replay" ? "The ten most looked at will stand here." : "The ten that sell out soonest will stand here.",
      page.links.products && h("a", { class: "do plain", href: page.links.products }, "See the catalogue")));
    return true;
  }
  replace(node, "table", table);
  heads();
  arrange(body, list.map(fill), { slide: true });
  const kept = new Set(list.map((item) => item.id));
  for (const id of rows.keys()) if (!kept.has(id)) rows.delete(id);
  return true;
}

/** The shelves of the shop, and the one that the page is narrowed to. */
function shelves() {
  const select = $("category"), only = chosen("category") ?? "", known = page.categories.some(([slug]) => slug === only);
  const list = [["", "All categories"], ...page.categories, ...(only && !known ? [[only, only]] : [])];
  replace(select, JSON.stringify(list), () => list.map(([slug, name]) => h("option", { value: slug }, name)));
  select.value = only;
}

export function products() {
  if (!page.shared) {
    $("category").onchange = ({ target }) => choose("category", target.value);
    onFilter(shelves);
    shelves();
  }
  node.append(bones("b-row", ROWS));
  const mark = paced(node, 2000, drawProducts);
  reads(["products", "sparks", "names", "unsplit"], mark);
  onFilter(mark);
}
