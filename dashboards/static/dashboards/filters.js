// What the page is narrowed to: a value of one or more dimensions, and whether bots count. The address keeps it.
import { asked, onAddress, tell } from "./address.js";
import { $, h, icon, nothing, replace } from "./dom.js";
import { nameOf } from "./names.js";
import { page } from "./page.js";
import { hurry } from "./pace.js";
import { ask, link, onRefusal } from "./socket.js";
import { reads, section } from "./store.js";

const DIMENSIONS = ["product", "category", "source", "country", "device"];
let wanted = { values: {}, bots: false }, refused = ""; // dimension -> value
const BOTS = "Bots are counted in under one filter at most, so they are left out.";
const watchers = [];
/** Calls `watcher` when another filter is asked for. */
export const onFilter = (watcher) => watchers.push(watcher);

const several = (values) => Object.keys(values).length > 1;
const query = () => ({ ...wanted.values, ...(wanted.bots && { bots: "in" }) });
export const filtered = () => Boolean(Object.keys(wanted.values).length || wanted.bots);
export const chosen = (by) => wanted.values[by];
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
  const next = { ...wanted, ...change }, address = Object.fromEntries(DIMENSIONS.map((by) => [by, next.values[by] ?? ""]));
  refused = several(next.values) && next.bots ? BOTS : "";
  if (refused) next.bots = false;
  tell({ ...address, bots: next.bots ? "in" : "" }, { step: true });
  take(next);
}

/** Narrows the page to a value beside those of other dimensions; the same value again, or none, removes it. */
export function choose(by, value) {
  const { [by]: old, ...rest } = wanted.values;
  if (by === "product") delete rest.category; // it stands on one shelf
  if (by === "category") delete rest.product;
  become({ values: !value || old === value ? rest : { ...rest, [by]: value } });
}
export const unfilter = () => { if (Object.keys(wanted.values).length) become({ values: {} }); };
export const turnBots = () => become({ bots: !wanted.bots });
/** Everything is shown again: the past has no filters. */
export const drop = () => { if (filtered()) become({ values: {}, bots: false }); };

/** Whether the figures on the page say anything of what bears this name; `unsplit` is told by the server. */
export const split = (name) => !section("unsplit").has(name);
export const unsplit = () => `not split by ${[section("view").get("by"), "both"][bys().length - 1] ?? "all"}`;
const bys = () => [section("view").get("by"), ...(section("view").get("also") ?? []).map(([by]) => by)];
/** What a tile says in place of figures that are of something else. */
export const grey = (what) => nothing(`${unsplit()[0].toUpperCase()}${unsplit().slice(1)}.`, `${what} can’t be told for ${bys().map((by) => `one ${by}`).join(" and ")} ${bys().length > 1 ? "at once" : "alone"}.`);

/** The filter of the address. */
function read({ send }) {
  const values = Object.fromEntries(DIMENSIONS.filter((by) => asked(by)).map((by) => [by, asked(by)])), bots = asked("bots") === "in";
  refused = bots && several(values) ? BOTS : "";
  take({ values, bots: bots && !refused }, { send });
}

/** The server keeps to another view, and says why. */
function refuse(words, { by, value, also = [], bots = 0 }) {
  become({ values: Object.fromEntries([...(by ? [[by, value]] : []), ...also]), bots: Boolean(bots) });
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
  const { values, bots } = wanted, list = Object.entries(values).map(([by, value]) => ({ by, value, name: nameOf(by, value) }));
  $("filters").hidden = !filtered() && !refused;
  document.body.dataset.filter = list.map(({ by }) => by).join(" ");
  document.title = [...list.map(({ name }) => name), bots && "with bots", given].filter(Boolean).join(" · ");
  replace($("filters"), JSON.stringify([list, bots, refused]), () => [
    ...list.map(({ by, value, name }) => chip(h("span", {}, `${by[0].toUpperCase()}${by.slice(1)} `, h("b", {}, name)), `${by} ${name}`, () => choose(by, value))),
    bots && chip(h("span", {}, "Bots ", h("b", {}, "counted in")), "bots", turnBots),
    h("p", { role: "status" }, refused || explained(list, bots)),
  ].filter(Boolean));
}

/** What the chips mean, in a sentence or two. */
function explained(list, bots) {
  if (list.length > 1) return `Only what fits ${list.length === 2 ? "both" : `all ${list.length}`}, of the last half hour; sources by all clicks of their visits. Grey is what is not kept so finely.`;
  if (list.length) return `Only ${list[0].name}; a value of another kind narrows it further. ${list[0].by === "source" ? "" : "Sources are told by all clicks of their visits. "}Grey is what is not split by ${list[0].by}.`;
  return bots ? "Clicks of bots are counted in the pulse; people are people." : "";
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
