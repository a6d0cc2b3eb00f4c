// The six numbers, each with its window and the same time last week.
import { $, count, h, icon, replace } from "../dom.js";
import { split, unsplit } from "../filters.js";
import { mood, since } from "../mood.js";
import { page } from "../page.js";
import { paced } from "../pace.js";
import { reads, section, store } from "../store.js";
import { onWall } from "../wall.js";
import { UNKNOWN, change, lastWeek, money, percent, whole } from "../words.js";

const USUAL = 0.2; // a change of less is within what weeks differ by, and stays grey
const NUMBERS = [
  { id: "visitors", name: "Visitors now", window: "5 min", write: whole, empty: "waiting for the first one" },
  { id: "sales", name: "Sales today", window: "since 00:00", write: money, empty: "waiting for the first one" },
  { id: "orders", name: "Orders today", window: "since 00:00", write: whole, empty: "waiting for the first one", lately: "orders30" },
  { id: "conversion", name: "Conversion", window: "30 min", write: percent, empty: "needs a first visit", points: true },
  { id: "average", name: "Average order", window: "today", write: money, empty: "needs a first order" },
];
const PEOPLE = new Set(["visitors", "conversion"]); // no one is told apart by a value for longer than half an hour
const PARTS = [
  ["payment_failed", "unpaid"], // by a failed payment: three digits and more words would not fit
  ["paid_unfulfillable", "paid, no stock"],
  ["low_stock", "low on stock"],
];
const nodes = new Map();

function tile({ id, name, window }) {
  const value = h("span", {}, h("i", { class: "bone b-figure" })), small = h("small", {}), than = h("p", { class: "than" }, h("i", { class: "bone b-line" }));
  const head = h("h2", { "data-sign": "false" }, ...heading(name, window));
  nodes.set(id, { head, value, small, than });
  return h("article", { class: "tile num", id: `n-${id}` }, head, h("p", { class: "figure" }, value, small), than);
}

function heading(name, window) {
  return [name, h("small", { class: window.startsWith("since") ? "said" : "" }, window)];
}

function foot({ id, write, points, empty }, now, was, lately) {
  if (mood() === "stale") return [since()];
  if (!split(id) && !lately) return [unsplit()];
  if (now === undefined) return [empty];
  if (was === undefined && section("view").has("by") && (PEOPLE.has(id) || lately)) return ["not kept by a filter last week"];
  if (was === undefined) return [now ? "nothing to compare with yet" : empty];
  const than = [`was ${write(was)}`, h("span", { class: "mon" }, lastWeek(store.at))];
  const moved = points ? { text: `${percent(Math.abs(now - was)).replace("%", "pt")}`, way: now > was ? "up" : now < was ? "down" : "" } : change(now, was);
  if (!moved?.way) return than;
  const unusual = Math.abs(now / was - 1) > USUAL;
  const colour = unusual ? (moved.way === "up" ? "good" : "bad") : "";
  return [h("b", { class: colour }, icon(moved.way), h("span", { class: "unseen" }, moved.way), moved.text), ...than];
}

function drawNumbers() {
  if (mood() === "loading") return false;
  const now = section("now"), was = section("was");
  for (const number of NUMBERS) {
    const { head, value, than } = nodes.get(number.id);
    const lately = now.has(number.lately), to = now.get(lately ? number.lately : number.id); // all that several values tell
    const known = split(number.id) || lately;
    replace(head, String(lately), () => (lately ? heading("Orders", "30 min") : heading(number.name, number.window)));
    $(`n-${number.id}`).classList.toggle("unsplit", !known);
    if (to === undefined) replace(value, UNKNOWN, () => UNKNOWN);
    else { delete value.dataset.sign; count(value, to, number.write); }
    replace(than, [mood(), mood() === "stale" ? since() : "", to, was.get(number.id), known || unsplit(), section("view").size].join(), () => foot(number, to, was.get(number.id), lately));
  }
  const many = now.get("visitors30"), { small } = nodes.get("visitors");
  replace(small, String(many), () => (many ? `${whole(many)} in 30 min` : ""));
  const others = now.get("currencies") ?? 0, more = nodes.get("sales").small;
  replace(more, String(others), () => (others ? `and ${whole(others)} more ${others === 1 ? "currency" : "currencies"}` : ""));
  return true;
}

function drawAttention() {
  if (mood() === "loading") return false;
  const parts = section("attention"), total = PARTS.reduce((sum, [key]) => sum + (parts.get(key) ?? 0), 0);
  const node = $("n-attention"), known = split("attention");
  node.classList.toggle("unsplit", !known);
  node.classList.toggle("attention", total > 0);
  replace(node, JSON.stringify([...parts, mood(), mood() === "stale" && since(), known || unsplit()]), () => {
    if (!parts.size) return [title(), h("p", { class: "figure" }, UNKNOWN), h("p", { class: "than" }, known ? (mood() === "replay" ? "is known of now only" : "not known yet") : unsplit())];
    if (!total) {
      const foot = mood() === "stale" ? [since()] : [h("b", { class: "good" }, icon("check")), "nothing to do"];
      return [title(), h("p", { class: "figure" }, h("span", {}, "0")), h("p", { class: "than" }, ...foot)];
    }
    const links = PARTS.map(([key, words]) => h("a", { href: page.links[key] }, h("b", {}, whole(parts.get(key) ?? 0)), words));
    const lead = h("div", { class: "lead" }, h("h2", {}, "Needs attention"), h("p", { class: "figure" }, icon("alert"), h("span", {}, whole(total))),
      h("p", { class: "than" }, mood() === "stale" ? since() : "now"));
    return [lead, h("div", { class: "parts" }, ...links)];
  });
  return true;
}
const title = () => h("h2", {}, "Needs attention", h("small", {}, "now"));

/** Draws all six at once: where the page brought its figures along, they stand in its first picture. */
export function drawNow() {
  drawNumbers();
  drawAttention();
}

export function numbers() {
  const attention = h("article", { class: "tile num", id: "n-attention" }, title(), h("p", { class: "figure" }, h("i", { class: "bone b-figure" })), h("p", { class: "than" }, h("i", { class: "bone b-line" })));
  $("numbers").append(...NUMBERS.map(tile), attention);
  const place = onWall() ? null : $("numbers"); // a wall takes single numbers out of it, and it is not seen
  reads(["now", "was", "unsplit"], paced(place, 0, drawNumbers));
  reads(["attention", "unsplit"], paced(place, 500, drawAttention));
}
