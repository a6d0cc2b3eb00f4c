// The last events, newest first, with your own marked; it can be held still and narrowed to your own.
import { $, arrange, bones, h, icon, nothing, replace } from "../dom.js";
import { choose } from "../filters.js";
import { mood } from "../mood.js";
import { nameOf, place, short } from "../names.js";
import { page } from "../page.js";
import { paced } from "../pace.js";
import { reads, section, told } from "../store.js";
import { money, time } from "../words.js";

const KEEP = 60, node = $("feed");
const mine = new Map(), rows = new Map(); // the hub names the last ones of all; your own are kept here for longer
let held = false, only = false;
const list = h("ul", { class: "feed" });

const DEVICES = ["phone", "tablet", "desktop"]; // those that have a picture

/** A value that narrows the page to it, or just its text. */
function pick(by, value, text) {
  if (!value) return text;
  const name = nameOf(by, value);
  const label = typeof text === "string" && text === name ? undefined : `${name}, ${by}`;
  return h("button", { type: "button", class: "pick", "aria-label": label, title: `Show only this ${by}: ${name}`, onclick: () => choose(by, value) }, text);
}

/** Who it was and how they came: each value narrows the page to it. */
function origin({ where, who, device, source }) {
  const own = who && who === page.you;
  return [
    own ? h("span", { class: "you" }, "you") : h("span", { class: "from" }, pick("source", source, short(source))),
    h("span", { class: "on" }, pick("device", device, DEVICES.includes(device) ? icon(device) : nameOf("device", device).slice(0, 2))),
    h("em", {}, pick("country", where, where)),
  ];
}

function row([id, [at, kind, what, where, who, paid, product, device, source, category]]) {
  const stock = kind === "stock";
  if (!rows.has(id)) {
    rows.set(id, h("li", { "data-id": id }, h("time", {}, time(at)), h("span", { class: kind.replaceAll(" ", "-") }, kind), h("b"),
      ...(stock ? [h("em", { class: "why" }, where)] : origin({ where, who, device, source }))));
  }
  const words = paid ? money(...paid) : kind !== "searched" && what.startsWith("/") ? place(what) : what; // a title may come after its first event
  const [by, value] = paid ? ["", ""] : product ? ["product", product] : ["category", category]; // an order has many products
  replace(rows.get(id).children[2], words, () => pick(by, value, words));
  return rows.get(id);
}

function remember() {
  for (const [id, event] of section("feed")) if (event[4] && event[4] === page.you) mine.set(id, event);
  for (const id of [...mine.keys()].slice(0, -KEEP)) mine.delete(id);
}

function drawFeed() {
  const past = mood() === "replay";
  for (const id of ["hold", "mine"]) $(id).disabled = past; // which has no single events
  remember();
  if ((held && !past && node.dataset.sign === "list") || mood() === "loading" || (!past && !told("feed"))) return false;
  const events = [...(only && !past ? mine : section("feed"))].sort((a, b) => b[1][0] - a[1][0] || (a[0] < b[0] ? 1 : -1));
  if (!events.length) {
    const [title, text] = past ? ["Single events are shown live only.", "The past is told by its minutes; the admin has each order."]
      : only ? ["Nothing of yours yet.", "Click something in the shop in this browser: it shows here within two seconds."]
      : section("view").has("by") ? ["Nothing lately.", "Events that fit the filter appear here as they come."]
      : ["Nothing has happened yet.", "Events appear here as they come; your own clicks are marked “you”."];
    replace(node, `nothing ${title}`, () => nothing(title, text));
    return true;
  }
  replace(node, "list", () => list);
  arrange(list, events.slice(0, KEEP).map(row));
  const kept = new Set(events.map(([id]) => id));
  for (const id of rows.keys()) if (!kept.has(id) && !mine.has(id)) rows.delete(id);
  return true;
}

function toggle(button, on) {
  button.setAttribute("aria-pressed", on);
  drawFeed();
}

export function feed() {
  if (page.shared) return; // single events are persons' steps: no guest is told of them
  node.append(bones("b-row", 5));
  const mark = paced(node, 1000, drawFeed);
  reads(["feed"], () => { remember(); mark(); });
  $("hold").onclick = () => { held = !held; toggle($("hold"), held); };
  $("mine").onclick = () => { only = !only; toggle($("mine"), only); };
}
