// Clicks and orders by minute, with last week behind them and the running minute at its present pace.
import { $, h, nothing, replace } from "../dom.js";
import { grey, split, unsplit } from "../filters.js";
import { mood } from "../mood.js";
import { paced } from "../pace.js";
import { page } from "../page.js";
import { clear, draw, figure, plain, scale } from "../plots.js";
import { moveRun } from "../running.js";
import { saver } from "../save.js";
import { reads, section, store } from "../store.js";
import { dark } from "../theme.js";
import { UNKNOWN, minute, money, wall, whole } from "../words.js";

const MINUTE = 60_000, NARROW = 560, APART = 6, SETTLED_MS = 10_000; // a pace from less than ten seconds frightens people
const node = $("pulse");
let shown = ""; // stands for all that is drawn but the end of the running minute

/** [{at, clicks, orders, revenue, before, ordersBefore}], oldest first; the last is still running. */
function rows() {
  const ghost = section("ghost");
  return [...section("minutes")].map(([key, [clicks, orders, revenue]]) => {
    const [before, ordersBefore] = ghost.get(key) ?? [null, null];
    return { at: Number(key) * MINUTE, clicks, orders, revenue, before, ordersBefore };
  }).sort((a, b) => a.at - b.at);
}

/** Alerts that began within the chart, [{at, name}], oldest first. */
const alerts = (first) => [...section("marks").values()].map(([at, name]) => ({ at, name })).filter(({ at }) => at >= first).sort((a, b) => a.at - b.at);

const alertsOf = (row) => alerts(row.at).filter(({ at }) => at < row.at + MINUTE).map(({ name }) => name).join(", ");

/** A hairline for each, and its name where there is room: not over the words at the left, nor over another's. */
function hairlines(list, { alert, soft }) {
  const wide = node.clientWidth >= NARROW, from = list.first + APART * MINUTE;
  const shapes = list.map(({ at }) => ({ type: "line", xref: "x", x0: wall(at), x1: wall(at), yref: "paper", y0: 0, y1: 1, line: { color: alert, width: 1 } }));
  const named = list.filter(({ at }, i) => wide && at >= from && !(i && at - list[i - 1].at < APART * MINUTE));
  return { shapes, words: named.map(({ at, name }) => {
    const late = at > list.first + 22 * MINUTE;
    return { text: plain(name), x: wall(at), xref: "x", y: 1, yref: "paper", yanchor: "bottom", xanchor: late ? "right" : "left", xshift: late ? -8 : 8, font: { size: 12, color: soft } };
  }) };
}

function drawPulse() {
  const fig = figure("pulse"), data = rows();
  if (!split("minutes")) {
    clear(node);
    shown = "";
    replace(node, `unsplit ${unsplit()}`, () => grey("What happens by minute"));
    return true;
  }
  if (mood() === "empty" || (data.length && !data.some((row) => row.clicks || row.orders))) {
    clear(node);
    shown = "";
    replace(node, `nothing ${section("view").size}`, () => nothing("No clicks in the last 30 minutes.", section("view").has("by") ? "Nothing that fits the filter was clicked." : "The first click draws this chart: clicks above, orders below, minute by minute."));
    return true;
  }
  if (!fig || !data.length || !node.clientHeight) return false;
  delete node.dataset.sign;
  const run = data.at(-1), runs = mood() !== "replay", full = runs ? data.slice(0, -1) : data, last = full.at(-1);
  const known = split("minutes.orders");
  const elapsed = Math.min(MINUTE, store.at - run.at), paceful = runs && elapsed >= SETTLED_MS;
  const pace = Math.round((run.clicks * MINUTE) / elapsed);
  const x = (list) => list.map((row) => wall(row.at)), y = (list, key) => list.map((row) => row[key]);
  const up = scale(Math.max(...y(data, "clicks"), ...y(data, "before"), paceful ? pace : 0) * 1.02, 3);
  const low = scale(Math.max(...y(data, "orders"), ...y(data, "ordersBefore")), 1);
  describe(last);
  const sign = JSON.stringify([paceful, full, run.at, run.orders, run.before, run.ordersBefore, alerts(data[0].at), up, low, known, unsplit(), mood(), dark(), node.clientWidth, node.clientHeight, document.fonts.status]);
  if (sign === shown && (!paceful || moveRun(node, pace, run.clicks))) return true;
  shown = sign;
  const fired = Object.assign(alerts(data[0].at), { first: data[0].at }), { shapes, words } = hairlines(fired, fig.layout.meta);
  const bars = data.map((_, i) => (runs && i === data.length - 1 ? 0.4 : 1));
  draw(node, fig, [
    { x: x(data), y: y(data, "before") },
    { x: x(full), y: y(full, "clicks") },
    paceful ? { x: x([last, run]), y: [last.clicks, pace], customdata: [last.clicks, run.clicks] } : {},
    paceful ? { x: x([run]), y: [pace] } : {},
    { x: x(data), y: y(data, "ordersBefore") },
    { x: x(data), y: y(data, "orders"), customdata: data.map((row) => (known ? money(row.revenue) : "")), marker: { opacity: bars } },
    { x: x(fired), y: fired.map(() => up.top * 1.015), customdata: fired.map(({ name }) => plain(name)) },
  ], {
    shapes,
    xaxis: { range: [wall(data[0].at - 36_000), wall(run.at + 40_000)], tick0: wall(Math.ceil(data[0].at / (5 * MINUTE)) * 5 * MINUTE) },
    yaxis: { range: [0, up.top * 1.015], tickvals: [0, 1, 2, 3].map((n) => n * up.step) },
    yaxis2: { range: [0, low.top * 1.08], tickvals: known ? [0, low.top] : [] },
    annotations: [...fig.layout.annotations.map((own, i) => ({ ...own, text: ["", whole(last.clicks), known ? "" : `Orders: ${unsplit()}`, known ? whole(last.orders) : ""][i] || own.text })), ...words],
  });
  return true;
}

function describe(last) {
  node.setAttribute("aria-label", `In the minute of ${minute(last.at)}: ${whole(last.clicks)} clicks${last.orders === null ? "" : ` and ${whole(last.orders)} orders`}. The table has each minute.`);
}

function drawTable() {
  if ($("pulse-table").hidden) return;
  const dash = (value, write = whole) => (value === null || value === undefined ? UNKNOWN : write(value));
  const head = ["Minute", "Clicks", "last week", "Orders", "last week", "Revenue", "Alerts"].map((name) => h("th", { scope: "col" }, name));
  const body = rows().reverse().map((row) => h("tr", {}, h("td", {}, minute(row.at)),
    ...[dash(row.clicks), dash(row.before), dash(row.orders), dash(row.ordersBefore), dash(row.revenue, money), alertsOf(row)].map((text) => h("td", {}, text))));
  $("pulse-table").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}

/** The minutes as a file has them: UTC, money in units of the currency. */
const table = () => [["minute", "clicks", "clicks last week", "orders", "orders last week", `revenue ${page.currency}`, "alerts"],
  ...rows().map((row) => [new Date(row.at).toISOString(), row.clicks, row.before, row.orders, row.ordersBefore, row.revenue === null ? null : row.revenue / 1e6, alertsOf(row)])];

export function pulse() {
  document.querySelector(".pulse .head").append(...saver({ label: "pulse", name: () => "pulse", title: () => "Clicks and orders by minute", node,
    layout: () => ({ margin: { l: 70, r: 40, t: 100, b: 60 } }), rows: table }));
  node.append(h("i", { class: "bone b-chart" }));
  reads(["minutes", "ghost", "now", "marks", "unsplit"], paced(node, 150, drawPulse));
  reads(["minutes", "ghost", "marks"], paced($("pulse-table"), 1000, drawTable));
  $("pulse-twin").onclick = () => {
    const on = $("pulse-table").hidden;
    $("pulse-twin").setAttribute("aria-pressed", on);
    node.hidden = on;
    $("pulse-table").hidden = !on;
    if (on) drawTable(); else drawPulse();
  };
}
