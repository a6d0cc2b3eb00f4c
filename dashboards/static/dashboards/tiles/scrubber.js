// A day of orders by ten minutes: what is dragged, or moved by keys, is what the page shows.
import { $, h, icon, replace, say, svg } from "../dom.js";
import { page } from "../page.js";
import { SPEEDS, live, onReplay, past, replaying, seek, speed, toggle } from "../replay.js";
import { onProblem } from "../socket.js";
import { reads, section } from "../store.js";
import { minute, shortDay, span, time, whole } from "../words.js";

const MINUTE = 60_000, DAY_MINUTES = 1440, HOUR = 3_600_000, HIGH = 29, WIDE = 1152;
const EVERY_MS = 60_000, HOURS_APART = 2, PATIENCE_MS = 8_000;
const node = $("scrubber");
const play = h("button", { class: "round", type: "button", onclick: toggle });
const speeds = SPEEDS.map((times) => h("button", { type: "button", "data-speed": times, onclick: () => speed(times) }, `${times} ×`));
const bars = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
const input = h("input", { class: "seek", type: "range", min: 0, max: DAY_MINUTES, step: 1, "aria-label": "Time, 24 hours" });
const hours = h("div", { class: "hours", "aria-hidden": "true" }), flag = h("span", { class: "flag", "aria-hidden": "true" });
const back = h("button", { class: "do", type: "button", onclick: live }, "Back to live");
const trouble = h("p", { class: "trouble", role: "status" });
let day, holds = false, silence = 0;

const begin = () => day.start * 1000;
const end = () => begin() + DAY_MINUTES * MINUTE;
const here = () => replaying()?.at ?? Date.now();

/** The last day, or the day around the moment that is looked at where that is older. */
async function load() {
  const at = replaying()?.at ?? Date.now(), recent = at > Date.now() - 23 * HOUR;
  const until = recent ? "" : `?at=${Math.floor((at + 6 * HOUR) / 1000)}`;
  const answer = await fetch(page.density + until, { headers: { Accept: "application/json" }, redirect: "manual" });
  if (!answer.ok) return;
  day = await answer.json();
  draw();
}
const refresh = () => { if (!document.hidden) load().catch(() => {}); }; // the banner tells of a lost server

function drawBars() {
  const most = Math.max(1, ...day.orders), wide = WIDE / day.orders.length, ahead = replaying() ? (here() - begin()) / (day.step * 1000) : Infinity;
  replace(bars, `${day.start} ${day.orders} ${Math.floor(ahead)}`, () => day.orders.map((n, i) => {
    const high = n ? Math.max(2, Math.sqrt(n / most) * HIGH) : 0; // by area, so that quiet hours can be seen
    return svg("rect", { x: i * wide + 0.8, y: HIGH - high, width: wide - 1.6, height: high, ...(i >= ahead ? { class: "ahead" } : {}) });
  }));
  replace(hours, String(day.start), () => {
    const first = Math.ceil(begin() / HOUR) * HOUR;
    return Array.from({ length: 24 }, (_, i) => first + i * HOUR).filter((at) => Number(minute(at).slice(0, 2)) % HOURS_APART === 0).map((at) => {
      const midnight = minute(at).startsWith("00"), mark = h("span", { class: midnight ? "midnight" : "" }, midnight ? shortDay(at) : minute(at));
      mark.style.left = `${((at - begin()) / (end() - begin())) * 100}%`;
      return mark;
    });
  });
}

function draw() {
  const at = here(), set = replaying();
  replace(play, `${Boolean(set) && !set.paused}`, () => icon(set && !set.paused ? "pause" : "play"));
  play.setAttribute("aria-label", !set ? "Replay from an hour ago" : set.paused ? "Go on" : "Pause the replay");
  for (const button of speeds) button.setAttribute("aria-pressed", Number(button.dataset.speed) === (set?.speed ?? 1));
  back.hidden = !set;
  flag.hidden = !set;
  if (!day) return;
  if (at < begin() || at > end()) return void load();
  drawBars();
  const place = (at - begin()) / MINUTE, step = Math.floor(place / 10);
  if (!holds) input.value = place;
  const orders = day.orders[step], said = orders === null || orders === undefined ? "" : `, ${whole(orders)} orders in ten minutes`;
  input.setAttribute("aria-valuetext", set ? `${shortDay(at)} ${minute(at)}, ${span(Date.now() - at)} ago${said}` : `live${said}`);
  flag.style.left = `${(place / DAY_MINUTES) * 100}%`;
  say(flag, past() && section("play").get("at") === at ? time(at) : minute(at));
}

function refuse(words) {
  say(trouble, words);
  clearTimeout(silence);
  silence = setTimeout(() => say(trouble, ""), PATIENCE_MS);
}

export function scrubber() {
  const track = h("div", { class: "track" }, bars, input, hours, flag);
  node.append(h("div", { class: "transport" }, play, h("div", { class: "speed", role: "group", "aria-label": "Speed" }, ...speeds)), track,
    h("div", { class: "transport" }, trouble, back));
  input.oninput = () => { holds = true; seek(begin() + Number(input.value) * MINUTE, { paused: true }); draw(); };
  input.onchange = () => { holds = false; seek(begin() + Number(input.value) * MINUTE, { paused: false }); draw(); };
  onReplay(draw);
  onProblem(refuse);
  reads(["play"], draw);
  setInterval(refresh, EVERY_MS);
  setInterval(() => { if (!document.hidden && !replaying()) draw(); }, 15_000);
  document.addEventListener("visibilitychange", refresh);
  refresh();
  draw();
}
