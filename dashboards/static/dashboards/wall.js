// Wall mode, /dashboard/?wall=sales,visitors,pulse,products: two to four tiles, read from across the room.
import { asked } from "./address.js";
import { $, h } from "./dom.js";

const PLACES = { numbers: "#numbers", visitors: "#n-visitors", sales: "#n-sales", orders: "#n-orders", conversion: "#n-conversion",
  average: "#n-average", attention: "#n-attention", pulse: ".pulse", funnel: ".funnel", products: ".products", pipeline: ".pipeline" };
const USUAL = ["sales", "visitors", "pulse", "products"], LEAST = 2, MOST = 4;

const given = () => new Set(asked("wall").split(",").filter((name) => name in PLACES));
/** The tiles that the address names, the usual four where it names too few. */
const chosen = () => (given().size < LEAST ? USUAL : [...given()].slice(0, MOST));
/** Whether the page hangs on a wall: then tiles stand outside of their sections. */
export const onWall = () => new URLSearchParams(location.search).has("wall");

function go(change) {
  const query = new URLSearchParams(location.search);
  change(query);
  location.assign(`${location.pathname}?${query}`.replace(/\?$/, ""));
}
export const hang = () => go((query) => query.set("wall", asked("wall") || USUAL.join()));
const leave = () => go((query) => query.delete("wall"));

/** A screen that nobody touches stays on, where the browser can do that and the battery allows it. */
function stayAwake() {
  if (document.hidden) return;
  navigator.wakeLock?.request("screen").catch(() => { document.body.dataset.awake = "refused"; });
}

/** Moves the chosen tiles before they are drawn; what is not chosen is not drawn, as nobody sees it. */
export function wall() {
  if (!onWall()) return;
  const names = chosen(), tiles = names.map((name) => document.querySelector(PLACES[name])), alone = tiles.filter((tile) => tile !== $("numbers"));
  if (names.includes("numbers")) $("numbers").classList.add("full");
  if (alone.length % 2) alone.at(-1).classList.add("full");
  document.body.dataset.wall = names.join(" ");
  $("main").append(h("div", { class: "giants" }, ...tiles));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) leave(); });
  document.addEventListener("visibilitychange", stayAwake);
  stayAwake();
}
