// Where visitors come from and what they do: one bar chart by Plotly, its figures in a column of their own.
import { $, bones, h, nothing, replace } from "../dom.js";
import { choose, chosen, grey, split } from "../filters.js";
import { mood } from "../mood.js";
import { OTHER, nameOf, place } from "../names.js";
import { paced } from "../pace.js";
import { page } from "../page.js";
import { clear, draw, figure, plain } from "../plots.js";
import { saver } from "../save.js";
import { reads, section, told } from "../store.js";
import { change, whole } from "../words.js";

const NAMES = { sources: "Sources", countries: "Countries", devices: "Devices",
  ...(page.shared ? {} : { searches: "Searches", paths: "Paths", events: "Events" }) }; // a guest is told of nobody's words and steps
const KEPT = "shop.live.tab";
const WIDTH = { paths: 190 }, USUAL_WIDTH = 142, LETTER = 6.8; // px left of the bars, and of a letter
const DIMENSION = { sources: "source", countries: "country", devices: "device" };
let open = localStorage.getItem(KEPT) in NAMES ? localStorage.getItem(KEPT) : "sources";
const bars = h("div", { class: "plot", role: "img" }), picks = h("div", { class: "picks", role: "group", "aria-label": "Filter" });
const mark = paced($("panel"), 1000, drawPanel);

function name(key) {
  return open === "paths" && key !== OTHER ? key.split("\u001f").map(place).join(" → ") : nameOf(DIMENSION[open], key);
}

function label(text, longest) {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

const items = () => [...section(open)].map(([key, [now, was]]) => ({ key, now, was, name: name(key) }))
  .sort((a, b) => (a.key === OTHER) - (b.key === OTHER) || b.now - a.now);

function drawPanel() {
  if (open === "events" || mood() === "loading") return false;
  const list = items(), panel = $("panel");
  if (!split(open)) {
    clear(bars);
    replace(panel, `unsplit ${open}`, () => grey(NAMES[open]));
    return true;
  }
  if (!told(open)) {
    clear(bars);
    replace(panel, "bones", () => bones("b-row", 6));
    return false;
  }
  if (!list.length) {
    clear(bars);
    replace(panel, `nothing ${open}`, () => nothing(`No ${open} in the last 30 minutes.`, open === "searches" ? "What shoppers look for is counted here." : "Each visit is put under what it brought along."));
    return true;
  }
  replace(panel, "bars", () => [bars, picks]);
  const fig = figure("bars");
  if (!fig || !bars.clientHeight) return false;
  bars.setAttribute("aria-label", `${NAMES[open]}: ${list.map((item) => `${item.name} ${item.now}`).join(", ")}`);
  const only = chosen(DIMENSION[open]);
  const { meta } = fig.layout, y = list.map((_, i) => i), width = Math.min(0.5, 14 / (bars.clientHeight / list.length));
  const column = (text, i, shift, color, weight) => ({ text, x: 1, xref: "paper", xanchor: "right", xshift: shift, y: i, yanchor: "middle", font: { size: 12, color, weight } });
  const left = WIDTH[open] ?? USUAL_WIDTH, named = list.filter((item) => item.key !== OTHER);
  const most = Math.max(1, ...(named.length ? named : list).flatMap((item) => [item.now, item.was ?? 0]));
  const short = (value) => (value === null ? null : Math.min(value, most)); // what is left over may be the most
  const stale = mood() === "stale", marks = { y, x: list.map((item) => short(item.was)) };
  const moved = (item) => { const by = change(item.now, item.was); return by ? `${{ up: "+", down: "−" }[by.way] ?? ""}${by.text}`.replace(/^\+(.*×)$/, "$1") : ""; };
  draw(bars, fig, [
    { y, x: list.map((item) => short(item.now)), width, customdata: list.map((item) => `${plain(item.name)} ${whole(item.now)}`), marker: { color: list.map((item) => (item.key === OTHER || (only && item.key !== only) ? meta.other : meta.bar)) } },
    marks, marks,
  ], {
    margin: { l: left, r: list.some((item) => moved(item)) ? 104 : 64 },
    xaxis: { range: [0, most] },
    yaxis: { tickvals: y, ticktext: list.map((item) => plain(label(item.name, Math.floor(left / LETTER)))), range: [list.length - 0.5, -0.5] },
    annotations: list.flatMap((item, i) => [column(whole(item.now), i, 40, stale ? meta.faint : meta.ink, 600), column(moved(item), i, 88, meta.faint, 400)]),
  });
  pickable(list, left, only);
  return true;
}

/** A button over each name, as the chart's own texts are no controls. */
function pickable(list, left, only) {
  const by = DIMENSION[open], can = by && !page.shared;
  bars.removeAllListeners("plotly_click");
  if (can) bars.on("plotly_click", ({ points: [{ pointIndex }] }) => { if (list[pointIndex].key !== OTHER) pick(by, list[pointIndex].key); });
  replace(picks, JSON.stringify([can && open, left, only, list.map((item) => item.key)]), () => (can ? list : []).map(({ key, name: words }, i) => {
    if (key === OTHER) return h("span", {});
    const button = h("button", { type: "button", "data-value": key, "aria-pressed": String(key === only), "aria-label": `Only ${words}`, title: key === only ? "Show everything again" : `Show only ${words}`, onclick: () => pick(by, key) });
    button.style.width = `${left}px`;
    return button;
  }));
}

function pick(by, key) {
  choose(by, key);
  mark();
}

function show(key) {
  open = key;
  localStorage.setItem(KEPT, key);
  for (const button of $("tabs").children) {
    const on = button.dataset.key === key;
    button.setAttribute("aria-selected", on);
    button.tabIndex = on ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${key}`);
  $("tops").classList.toggle("show-events", key === "events");
  drawPanel();
}

function arrows(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const shown = [...$("tabs").children].filter((button) => button.offsetParent);
  const next = shown[(shown.indexOf(event.currentTarget) + step + shown.length) % shown.length];
  show(next.dataset.key);
  next.focus();
}

const table = () => [[open, "30 min", "last week"], ...items().map((item) => [item.name, item.now, item.was])];

export function tabs() {
  $("tops").firstElementChild.append(...saver({ label: "breakdown", name: () => open, title: () => `${NAMES[open]}, 30 min`, node: bars, rows: table,
    layout: () => ({ margin: { l: 300, r: 140, t: 100, b: 40 } }) }));
  $("tabs").append(...Object.entries(NAMES).map(([key, text]) =>
    h("button", { type: "button", role: "tab", id: `tab-${key}`, "data-key": key, "aria-controls": "panel", onclick: () => show(key), onkeydown: arrows }, text)));
  $("panel").append(bones("b-row", 5));
  reads([...Object.keys(NAMES), "unsplit", "view"], mark);
  show(open);
}
