// People who viewed, filled a cart, went to the checkout and paid; bars by Plotly, words in HTML.
import { $, bones, h, icon, nothing, replace } from "../dom.js";
import { split, unsplit } from "../filters.js";
import { mood } from "../mood.js";
import { paced } from "../pace.js";
import { clear, draw, figure } from "../plots.js";
import { saver } from "../save.js";
import { reads, section, told } from "../store.js";
import { percent, whole } from "../words.js";

const STAGES = [["view_item", "Viewed"], ["add_to_cart", "Cart"], ["begin_checkout", "Checkout"], ["purchase", "Paid"]];
const UNUSUAL = 0.1, ENOUGH = 20; // a drop is judged only where so many people were counted
const node = $("funnel"), plot = h("div", { class: "plot", role: "img", "aria-label": "Bars of the four steps; the mark is last week's level." });

function steps() {
  const stages = section("funnel");
  return STAGES.map(([key, name], i) => {
    const known = split(key), [n, was] = stages.get(key) ?? [0, null], [before, wasBefore] = (i && stages.get(STAGES[i - 1][0])) || [0, null];
    const drop = before && known ? Math.max(0, 1 - n / before) : null, usual = wasBefore && was !== null ? Math.max(0, 1 - was / wasBefore) : null;
    return { name, known, n, was, drop, usual, bad: drop !== null && usual !== null && before >= ENOUGH && drop > usual + UNUSUAL };
  });
}

const drop = (share) => (share === null ? "" : `${share >= 0.005 ? "−" : ""}${percent(share, 0)}`);
function words(list) {
  const rows = list.map(({ name, known, n, drop: now, usual, bad }) => !known ? h("div", { class: "step unsplit" }, h("span", {}, name), h("span", {}, unsplit())) : h("div", { class: "step" }, h("span", {}, name), h("span", {}), h("span", { class: "n" }, whole(n)),
    h("span", { class: `drop ${bad && mood() !== "stale" ? "bad" : ""}` }, bad && mood() !== "stale" && icon("alert"), drop(now)), h("span", { class: "usual" }, drop(usual))));
  const head = ["", "", "now", "drop", "usual"].map((text) => h("span", {}, text));
  return [h("div", { class: "step cap" }, ...head), ...rows, plot];
}

function drawFunnel() {
  const list = steps(), most = Math.max(...list.map((step) => Math.max(step.n, step.was ?? 0)));
  if (mood() === "loading") return false;
  if (!told("funnel")) { replace(node, "bones", () => bones("b-row", 4)); return false; }
  if (!most) {
    clear(plot);
    replace(node, `nothing ${section("view").size}`, () => nothing(section("view").has("by") ? "Nothing that fits the filter." : "Nobody yet.", "Viewed, cart, checkout, paid: the share that goes on stands here."));
    return true;
  }
  replace(node, JSON.stringify([list, mood(), unsplit()]), () => words(list));
  const fig = figure("funnel");
  if (!fig || !plot.clientHeight) return false;
  const y = list.map((step) => step.name), marks = { y, x: list.map((step) => step.was) };
  const width = Math.min(0.5, 14 / (plot.clientHeight / list.length));
  draw(plot, fig, [{ y, x: list.map((step) => step.n), width }, marks, marks], { xaxis: { range: [0, most] } });
  return true;
}

/** On the page the words stand beside the bars; a picture needs its own. */
const labels = () => ({ margin: { l: 130, r: 150, t: 100, b: 50 }, yaxis: { visible: true, showgrid: false, ticks: "", tickfont: { size: 16 } },
  annotations: steps().map(({ name, known, n, drop: now }) => ({ text: [known ? whole(n) : unsplit(), drop(now)].filter(Boolean).join("   "), x: 1, xref: "paper", xanchor: "left", xshift: 16, y: name, font: { size: 16 }, showarrow: false })) });
const table = () => [["step", "people", "people last week"], ...steps().map(({ name, known, n, was }) => [name, known ? n : null, was])];

export function funnel() {
  document.querySelector(".funnel .head").append(...saver({ label: "funnel", name: () => "funnel", title: () => "Funnel, people in 30 min", node: plot, layout: labels, rows: table }));
  node.append(bones("b-row", 4));
  reads(["funnel", "view", "unsplit"], paced(node, 1000, drawFunnel));
}
