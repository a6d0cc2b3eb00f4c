// Orders by state: the road, then what leaves it, each with its count and its oldest.
import { $, bones, h, icon, replace, say } from "../dom.js";
import { grey, split } from "../filters.js";
import { mood } from "../mood.js";
import { page } from "../page.js";
import { paced } from "../pace.js";
import { reads, section, store, told } from "../store.js";
import { UNKNOWN, span, whole } from "../words.js";

const ROAD = [["placed", "Placed"], ["paid", "Paid"], ["packed", "Packed"], ["shipped", "Shipped"], ["delivered", "Delivered"]];
const ASIDE = [["payment_failed", "Payment failed"], ["refund_pending", "Refund pending"], ["backordered", "Backordered"], ["refunded", "Refunded"], ["cancelled", "Cancelled"]];
const DONE = new Set(["delivered", "refunded", "cancelled"]); // their age means nothing
const node = $("pipeline"), parts = new Map();

function stage(key, name, kind) {
  const of = { name: h(kind === "stage" ? "span" : "i", { class: "name" }, name), count: h(kind === "stage" ? "span" : "b", { class: "count" }), age: h("span", { class: "age" }) };
  of.node = h("a", { class: kind, href: page.links.status[key] }, of.name, of.count, of.age);
  parts.set(key, { ...of, title: name, kind });
  return of.node;
}

function forget(key) {
  const { node: link, count, age, name, title } = parts.get(key);
  link.classList.remove("trouble", "warn");
  say(count, UNKNOWN); say(age, ""); replace(name, "past", () => [title]);
}

function fill(key) {
  const { node: link, name, title, count, age, kind } = parts.get(key), [n, oldest, limit, more] = section("status").get(key) ?? [0, 0, 0, 0];
  const old = n && oldest && !DONE.has(key) ? store.at - oldest : 0, late = Boolean(limit && old > limit * 60_000) && mood() !== "stale";
  say(count, `${whole(n)}${more ? "+" : ""}`);
  link.classList.toggle("trouble", kind === "stage" && late);
  link.classList.toggle("warn", kind === "aside" && n > 0 && key === "payment_failed" && mood() !== "stale");
  replace(name, `${late}`, () => [late && kind === "stage" && icon("alert"), title].filter(Boolean));
  if (late) say(age, `${span(old)}, limit ${old < 3_600_000 ? limit : span(limit * 60_000)}`);
  else if (DONE.has(key)) say(age, "in all");
  else if (old) say(age, kind === "stage" ? `oldest ${span(old)}` : span(old));
  else say(age, kind === "stage" ? "none" : "");
}

function drawPipeline() {
  if (mood() === "loading") return false;
  if (!split("pipeline")) { replace(node, "unsplit", () => grey("Where orders stand")); return true; }
  if (mood() !== "replay" && !told("status")) { replace(node, "bones", () => bones("b-row", 3)); return false; }
  replace(node, "road", () => [h("div", { class: "flow" }, ...ROAD.map(([key, name]) => stage(key, name, "stage"))),
    h("div", { class: "asides" }, ...ASIDE.map(([key, name]) => stage(key, name, "aside")))]);
  for (const [key] of [...ROAD, ...ASIDE]) if (mood() === "replay") forget(key); else fill(key);
  return true;
}

export function pipeline() {
  node.append(bones("b-row", 3));
  reads(["status", "unsplit"], paced(node, 500, drawPipeline));
}
