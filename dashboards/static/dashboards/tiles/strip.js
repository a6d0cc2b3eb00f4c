// The trust strip: what time this stands for, and how far the figures can be trusted.
import { $, arrange, h, icon, replace, say } from "../dom.js";
import { botsIn, turnBots } from "../filters.js";
import { asOf, mood } from "../mood.js";
import { page } from "../page.js";
import { paced } from "../pace.js";
import { link, onLink } from "../socket.js";
import { reads, section, store } from "../store.js";
import { UNKNOWN, day, minute, percent, seconds, span, time, whole, zone } from "../words.js";

const LAG_LIMIT = 1000, DELAY_LIMIT_MS = 5000, DAY_MS = 86_400_000;
let ahead = 0; // the server's clock less ours
const PILLS = { loading: "CONNECTING", busy: "LIVE", empty: "LIVE", stale: "AS OF", replay: "REPLAY" };

function clock() {
  const at = mood() === "stale" ? asOf() : mood() === "replay" ? section("play").get("at") : Date.now() + ahead, [date, now, where] = $("clock").children;
  if (!at || mood() === "loading") return; // formats of time take 15 ms to make, which the first figures do not wait for
  say(date, day(at)); say(now, time(at)); say(where, zone(at));
  $("clock").dateTime = new Date(at).toISOString();
}

const figure = (name, value, mark = "") => [name, value, mark];
const ICONS = { warn: "alert", good: "check" };

/** What the last audit proved, and when; an old one proves little of now. */
function audit(found) {
  if (!found) return figure("Audit", "none yet");
  const [at, differ, checks] = found, age = Date.now() + ahead - at;
  if (differ) return figure("Audit", `${whole(differ)} of ${whole(checks)} differ, ${age < DAY_MS ? minute(at) : `${span(age)} ago`}`, "warn");
  return age < DAY_MS ? figure("Audit", minute(at), "good") : figure("Audit", `${span(age)} ago`);
}
const SOCKET = { live: ["connected", ""], connecting: ["connecting", ""], refused: ["closed", "warn"] };

const bots = (share) => {
  const words = botsIn() ? "included" : "excluded";
  return figure("Bots", share === undefined ? words : `${words}, ${percent(share, 0)}`);
};
const botsSwitch = h("button", { type: "button", class: "switch", onclick: turnBots });

/** What a viewer of the past must know: how far back, and from what. */
function rowsOfThePast(socket, mark) {
  const play = section("play");
  return [
    figure("Behind now", span(Date.now() + ahead - play.get("at"))),
    figure("From", play.get("source") ?? UNKNOWN),
    figure("Socket", socket, mark),
    bots(section("now").get("bots")),
  ];
}

function rows() {
  const health = section("health"), now = section("now");
  const [socket, mark] = SOCKET[link.state] ?? [`lost ${span(Date.now() - link.since)} ago`, "warn"];
  if (mood() === "loading") return [figure("Socket", socket, mark)];
  if (mood() === "stale") return [figure("Delay, lag, work", "unknown"), figure("Socket", socket, mark)];
  if (mood() === "replay") return rowsOfThePast(socket, mark);
  const delay = health.get("delay"), lag = health.get("lag"), waiting = health.get("waiting");
  return [
    figure("Events", now.has("rate") ? `${whole(now.get("rate"))} /s` : UNKNOWN),
    figure("Delay p95", delay === undefined ? "no events now" : seconds(delay), delay > DELAY_LIMIT_MS ? "warn" : ""),
    figure("Kafka lag", lag === undefined ? UNKNOWN : whole(lag), lag > LAG_LIMIT ? "warn" : ""),
    figure("Work waiting", waiting === undefined ? UNKNOWN : whole(waiting), waiting > LAG_LIMIT ? "warn" : ""),
    figure("Socket", socket, mark),
    bots(now.get("bots")),
    audit(health.get("audit")),
  ];
}

const parts = new Map(); // kept, so that the switch in one of them keeps the focus
function part([name, value, mark]) {
  const isSwitch = name === "Bots" && !page.shared;
  if (!parts.has(name)) parts.set(name, h("div", { "data-of": name }, h("dt", {}, name), h("dd", {}, isSwitch && botsSwitch)));
  const dd = parts.get(name).lastChild;
  dd.className = mark;
  replace(isSwitch ? botsSwitch : dd, `${mark}${value}`, () => [mark && icon(ICONS[mark]), mark === "good" && h("span", { class: "unseen" }, "matches, "), value].filter(Boolean));
  return parts.get(name);
}

function trust() {
  botsSwitch.setAttribute("aria-pressed", botsIn());
  botsSwitch.setAttribute("aria-label", `Count the clicks of bots in, ${botsIn() ? "they are" : "they are not"}`);
  botsSwitch.disabled = mood() === "replay";
  arrange($("trust"), rows().map(part));
}

export function strip() {
  const draw = () => { say($("mode"), PILLS[mood()]); clock(); trust(); };
  const mark = paced(null, 900, draw);
  reads(["health", "now", "play"], () => { if (!section("play").size) ahead = store.at - Date.now(); mark(); });
  onLink(() => draw());
  setInterval(draw, 1000);
  draw();
}
