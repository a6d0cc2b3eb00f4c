// What the page is narrowed to: one value of one dimension, and whether bots count. The address keeps it.
import { asked, onAddress, tell } from "./address.js";
import { $, h, icon, nothing, replace } from "./dom.js";
import { nameOf } from "./names.js";
import { page } from "./page.js";
import { hurry } from "./pace.js";
import { ask, link, onRefusal } from "./socket.js";
import { reads, section } from "./store.js";

const DIMENSIONS = ["product", "category", "source", "country", "device"];
let wanted = { by: "", value: "", bots: false }, refused = "";
const watchers = [];
/** Calls `watcher` when another filter is asked for. */
export const onFilter = (watcher) => watchers.push(watcher);

const query = () => ({ ...(wanted.by && { [wanted.by]: wanted.value }), ...(wanted.bots && { bots: "in" }) });
export const filtered = () => Boolean(wanted.by || wanted.bots);
export const chosen = (by) => (wanted.by === by ? wanted.value : undefined);
export const botsIn = () => wanted.bots;

/** Takes a filter as it is; the server is asked for it, and again by whatever socket comes next. */
function take(next, { send = true } = {}) {
  wanted = next;
  link.view = query();
  if (send) ask({ view: query() });
  bar();
  for (const watcher of watchers) watcher();
}

function become(change) {
  refused = "";
  const next = { ...wanted, ...change }, address = Object.fromEntries(DIMENSIONS.map((by) => [by, by === next.by ? next.value : ""]));
  tell({ ...address, bots: next.bots ? "in" : "" }, { step: true });
  take(next);
}

/** Narrows the page to one value; the same value again removes it. */
export const choose = (by, value) => become(chosen(by) === value ? { by: "", value: "" } : { by, value });
export const unfilter = () => { if (wanted.by) become({ by: "", value: "" }); };
export const turnBots = () => become({ bots: !wanted.bots });
/** Everything is shown again: the past has no filters. */
export const drop = () => { if (filtered()) become({ by: "", value: "", bots: false }); };

/** Whether the figures on the page say anything of what bears this name; `unsplit` is told by the server. */
export const split = (name) => !section("unsplit").has(name);
export const unsplit = () => `not split by ${section("view").get("by")}`;
/** What a tile says in place of figures that are of something else. */
export const grey = (what) => nothing(`${unsplit()[0].toUpperCase()}${unsplit().slice(1)}.`, `${what} can’t be told for one ${section("view").get("by")} alone.`);

/** The filter of the address; of two it takes neither, and says why. */
function read({ send }) {
  const found = DIMENSIONS.filter((by) => asked(by)), by = found.length === 1 ? found[0] : "";
  refused = found.length > 1 ? `One filter at a time, not ${found.join(" and ")}.` : "";
  take({ by, value: by && asked(by), bots: asked("bots") === "in" }, { send });
}

/** The server keeps to another view, and says why. */
function refuse(words, { by = "", value = "", bots = 0 }) {
  become({ by, value, bots: Boolean(bots) });
  refused = `${words[0].toUpperCase()}${words.slice(1)}.`;
  bar();
}

const chip = (words, what, remove) => h("button", { class: "chip", type: "button", "aria-label": `Remove the filter ${what}`, onclick: remove }, words, icon("cross"));

/** A range that is chosen keeps the filter. */
function carry() {
  for (const link of document.querySelectorAll("#ranges nav a")) {
    const search = new URLSearchParams(link.search);
    for (const by of [...DIMENSIONS, "bots"]) search.delete(by);
    for (const [by, value] of Object.entries(query())) search.set(by, value);
    link.search = search;
  }
  const form = document.querySelector("#ranges form");
  for (const old of form.querySelectorAll("[type=hidden]")) old.remove();
  form.append(...Object.entries(query()).map(([name, value]) => h("input", { type: "hidden", name, value })));
}

function bar() {
  carry();
  const { by, value, bots } = wanted, name = by && nameOf(by, value);
  $("filters").hidden = !filtered() && !refused;
  document.body.dataset.filter = by;
  document.title = [name, bots && "with bots", given].filter(Boolean).join(" · ");
  replace($("filters"), JSON.stringify([by, value, name, bots, refused]), () => [
    by && chip(h("span", {}, `${by[0].toUpperCase()}${by.slice(1)} `, h("b", {}, name)), `${by} ${name}`, unfilter),
    bots && chip(h("span", {}, "Bots ", h("b", {}, "counted in")), "bots", turnBots),
    h("p", { role: "status" }, refused || (by ? `Only ${name}; another value replaces it. Grey is what is not split by ${by}.` : bots ? "Clicks of bots are counted in the pulse; people are people." : "")),
  ].filter(Boolean));
}
const given = document.title;

/** Reads the address before the socket opens, so that the first figures are the right ones. */
export function filters() {
  link.view = {};
  if (page.shared) return;
  read({ send: false });
  onAddress(() => read({ send: true }));
  onRefusal(refuse);
  reads(["names"], bar);
  reads(["view"], hurry);
}
