// Which state the whole page is in: loading, busy, empty, stale or replay. Each tile looks it up here.
import { $, h, icon, replace, say } from "./dom.js";
import { page } from "./page.js";
import { connect, link, onLink } from "./socket.js";
import { reads, section, store } from "./store.js";
import { redraw } from "./pace.js";
import { onReplay, past } from "./replay.js";
import { span, time } from "./words.js";

const PATIENCE_MS = 2_500; // a socket that is back sooner was never missed

const troubled = () => section("health").get("stopped"); // {since, words, command}: the server's own figures stand still
const lost = () => link.state === "refused" || (link.state === "lost" && Date.now() - link.since > PATIENCE_MS);
export const mood = () => document.body.dataset.state;
/** Until when the figures are right, while they stand still. */
export const asOf = () => (lost() ? store.at : troubled()?.since ?? store.at);
export const since = () => `since ${time(asOf())}`;

function judge() {
  if (!store.seq) return link.state === "refused" ? "stale" : "loading";
  if (lost() || troubled()) return "stale";
  if (past()) return "replay";
  if (section("view").size) return "busy"; // a filter that lets nothing through is no empty shop
  const now = section("now");
  const came = [...section("feed").values()].some(([, kind]) => kind !== "stock"); // an opening stock is nobody's visit
  const quiet = !now.get("clicks30") && !now.get("orders") && !came && !section("status").size;
  return quiet ? "empty" : "busy";
}

function lostBanner() {
  if (link.state === "refused" && page.shared) return [icon("plug"), h("p", {}, h("b", {}, "Nothing new comes in. "), link.reason)];
  if (link.state === "refused") {
    return [icon("plug"), h("p", {}, h("b", {}, "You are signed out, so nothing new comes in. "), link.reason),
      h("a", { class: "do", href: page.login }, "Sign in")];
  }
  const tries = link.next ? `Next try in ${span(Math.max(1000, link.next - Date.now()))}.` : "Trying now.";
  const stands = store.at ? `Everything grey stands as of ${time(store.at)}. ` : "";
  return [icon("plug"), h("p", {}, h("b", {}, `The live connection was lost ${span(Date.now() - link.since)} ago. `),
    `${stands}The shop itself does not depend on it. ${tries}`),
    h("button", { class: "do plain", type: "button", onclick: connect }, "Try now")];
}

function banner(state) {
  const node = $("banner"), trouble = troubled();
  node.hidden = !["stale", "empty"].includes(state);
  if (node.hidden) return;
  if (state === "empty") {
    replace(node, "empty", () => [icon("play"), h("p", {}, h("b", {}, "Your shop is ready and nobody has been here yet. "),
      "Open it in another tab and click something: it shows here within a second."), h("a", { class: "do", href: page.shop, target: "_blank" }, "Open the shop")]);
  } else if (lost()) {
    replace(node, `${link.state} ${link.next} ${Math.floor(Date.now() / 1000)}`, lostBanner);
  } else {
    replace(node, trouble.words, () => [icon("plug"), h("p", {}, h("b", {}, trouble.words), " ", `Everything grey stands as of ${time(trouble.since)}. `,
      trouble.command ? "To mend it: " : "", trouble.command ? h("code", {}, trouble.command) : ""), page.ops && h("a", { class: "do plain", href: page.ops }, "See the pipeline")].filter(Boolean));
  }
}

export function look() {
  const state = judge();
  banner(state);
  if (state === mood()) return;
  document.body.dataset.state = state;
  $("main").toggleAttribute("aria-busy", state === "loading");
  for (const node of document.querySelectorAll("main .window")) {
    node.dataset.says ??= node.textContent;
    say(node, state === "stale" ? since() : (state === "replay" && node.dataset.past) || node.dataset.says);
  }
  redraw();
}

onLink(look);
onReplay(look);
reads(["now", "health", "feed", "status", "play"], look);
setInterval(look, 1000);
