// Every key of the page: the sheet that lists them, and who does what is asked. Most press a button that is there.
import { $, h, icon } from "./dom.js";
import { turnBots, unfilter } from "./filters.js";
import { page } from "./page.js";
import { SPEEDS, live, move, replaying, speed, toggle } from "./replay.js";
import { hang } from "./wall.js";

const KEPT = "shop.live.keys"; // "off" where the reader uses single letters for something else
const press = (id) => () => $(id).click();

function tab(n) {
  const shown = [...$("tabs").children].filter((button) => button.offsetParent);
  shown[n - 1]?.click();
}

/** The next column of the products, or the same one the other way round. */
function sort(turn) {
  const heads = [...$("products").querySelectorAll("th[data-id]:has(:enabled)")], now = heads.findIndex((th) => th.ariaSort ?? th.getAttribute("aria-sort"));
  if (heads.length) heads[turn ? now : (now + 1) % heads.length].firstChild.click();
}

function pace(step) {
  const at = SPEEDS.indexOf(replaying()?.speed ?? SPEEDS[0]), next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + step))];
  speed(next);
}

// [keys as they are written, what they do, what runs by the event's key]
const GROUPS = {
  Page: [
    [["?"], "This list", { "?": sheet }],
    [["D"], "Dark or light", { d: press("theme") }],
    [["W"], "On the wall: four tiles, large; Esc leaves", { w: hang }],
    [["Tab"], "Next control"], [["Enter"], "Press it, follow it"], [["Esc"], "Close what is open"],
  ],
  Tiles: [
    [["1", "–", page.shared ? "3" : "6"], page.shared ? "Sources, countries, devices" : "Sources, countries, devices, searches, paths, events", Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [n, () => tab(n)]))],
    [["S"], "Sort products by the next column", { s: () => sort(false) }],
    [["R"], "Reverse the order of products", { r: () => sort(true) }],
    [["T"], "Pulse as a table", { t: press("pulse-twin") }],
    [["P"], "Pause the last events", { p: press("hold") }],
    [["M"], "Only my own events", { m: press("mine") }],
    [["X"], "Remove the filter", { x: unfilter }],
    [["B"], "Count bots in, or out", { b: turnBots }],
  ],
  Time: [
    [["←", "→"], "A minute back, a minute on", { ArrowLeft: () => move(-1), ArrowRight: () => move(1) }],
    [["Shift ←", "Shift →"], "An hour back, an hour on", { "Shift ArrowLeft": () => move(-60), "Shift ArrowRight": () => move(60) }],
    [["Space"], "Replay, pause, go on", { " ": toggle }],
    [["−", "+"], "Slower, faster", { "-": () => pace(-1), "+": () => pace(1) }],
    [["L"], "Back to live", { l: live }],
  ],
};

if (page.shared) { // what a guest has not, no key reaches
  delete GROUPS.Time;
  GROUPS.Tiles = GROUPS.Tiles.filter(([[key]]) => !["P", "M", "X", "B"].includes(key));
}

const off = () => localStorage.getItem(KEPT) === "off";
const actions = new Map(Object.values(GROUPS).flat().flatMap(([, , runs]) => Object.entries(runs ?? {})));

function build() {
  const on = h("input", { type: "checkbox", onchange: () => localStorage.setItem(KEPT, on.checked ? "on" : "off") });
  on.checked = !off();
  const close = h("button", { class: "tool icon", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("cross"));
  const one = ([keys, words]) => h("div", {}, h("dt", {}, ...keys.map((key) => (key === "–" ? key : h("kbd", {}, key)))), h("dd", {}, words));
  const groups = Object.entries(GROUPS).map(([name, rows]) => h("section", {}, h("h3", {}, name), h("dl", {}, ...rows.map(one))));
  const dialog = h("dialog", { class: "sheet keys", id: "keys-sheet", "aria-labelledby": "h-keys", onclick: (event) => { if (event.target === dialog) dialog.close(); } },
    h("header", {}, h("h2", { id: "h-keys" }, "Keys"), close), h("div", { class: "columns" }, ...groups),
    h("label", {}, on, "Use single keys on this page"));
  document.body.append(dialog);
  return dialog;
}

function sheet() {
  const dialog = $("keys-sheet") ?? build();
  if (dialog.open) dialog.close(); else dialog.showModal();
}

/** Whether the key belongs to what has the focus: a text, a list, the slider, a row of tabs, a button's own Space. */
function taken({ key, target }) {
  if (target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return true;
  if (key.startsWith("Arrow")) return Boolean(target.closest("[role=tablist], [tabindex='0'].twin, [popover]"));
  return key === " " && Boolean(target.closest("a, button, summary, input"));
}

function down(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || taken(event)) return;
  if (event.key !== "?" && (off() || document.querySelector("dialog[open]"))) return;
  const letter = event.key.length === 1, name = letter ? event.key.toLowerCase() : `${event.shiftKey ? "Shift " : ""}${event.key}`;
  const action = actions.get(name);
  if (!action) return;
  event.preventDefault();
  action();
}

export function keys() {
  document.addEventListener("keydown", down);
  $("keys").onclick = sheet;
}
