// Going back in time: what the reader asked to see, told to the server and kept in the address.
import { asked, onAddress, tell } from "./address.js";
import { drop, filtered, onFilter } from "./filters.js";
import { ask, link, onOpen } from "./socket.js";
import { reads, section, store } from "./store.js";

export const SPEEDS = [1, 10, 60];
const MINUTE = 60_000, NEAR_MS = 90_000; // the past ends where it meets the running minute

let wanted; // {at, speed, paused}, undefined while the page is live
const watchers = [];
/** Calls `watcher` when what is asked for has changed. */
export const onReplay = (watcher) => watchers.push(watcher);
export const replaying = () => wanted;
/** Whether the figures on the page are of the past, not only asked for. */
export const past = () => Boolean(wanted) && section("play").size > 0;

const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

function changed({ step = false } = {}) {
  link.past = Boolean(wanted);
  tell({ at: wanted && iso(wanted.at), speed: wanted && String(wanted.speed), paused: wanted?.paused ? "1" : "" }, { step });
  for (const watcher of watchers) watcher();
}

const begin = () => {
  ask({ play: { from: iso(wanted.at), speed: wanted.speed } });
  if (wanted.paused) ask({ pause: true });
};

/** Shows the minute that ends at `at` (epoch ms), and goes on from there. */
export function seek(at, { paused = wanted?.paused ?? false } = {}) {
  const minute = Math.floor(at / MINUTE) * MINUTE;
  if (minute > Date.now() - NEAR_MS) return live();
  if (wanted && minute === wanted.at && paused === wanted.paused) return undefined;
  const first = !wanted;
  if (first) drop();
  wanted = { speed: 1, ...wanted, at: minute, paused };
  if (first) begin();
  else ask({ seek: iso(minute), pause: paused });
  return changed({ step: first });
}

/** Goes by minutes, from where the page stands. */
export const move = (minutes) => seek((wanted?.at ?? Date.now()) + minutes * MINUTE);

export function speed(times) {
  if (!wanted) return seek(Date.now() - 60 * MINUTE, { paused: false }), speed(times);
  wanted.speed = times;
  ask({ speed: times });
  return changed();
}

/** Stops and goes on; a live page is replayed from an hour ago. */
export function toggle() {
  if (!wanted) return seek(Date.now() - 60 * MINUTE, { paused: false });
  wanted.paused = !wanted.paused;
  ask({ pause: wanted.paused });
  return changed();
}

export function live() {
  if (!wanted) return;
  wanted = undefined;
  ask({ live: true });
  changed({ step: true });
}

/** A filter is of the live page, and its command has brought that back already. */
function leave() {
  wanted = undefined;
  changed();
}

/** Follows the frames, so that a socket that comes back goes on where the last one was. */
function follow() {
  const at = section("play").get("at");
  if (!wanted || !at || wanted.paused) return;
  wanted.at = Math.max(wanted.at, at);
  if (at > Date.now() - NEAR_MS) live();
}

/** What the address asks for: ?at=2026-11-23T11:46:00Z&speed=10&paused=1 */
function read() {
  const at = Date.parse(asked("at")), times = Number(asked("speed"));
  if (Number.isNaN(at)) return live();
  const again = Boolean(wanted);
  drop();
  wanted = { at, speed: times >= 1 && times <= 60 ? Math.round(times) : 1, paused: Boolean(asked("paused")) };
  if (again || store.seq) begin();
  return changed();
}

export function replay() {
  onOpen(() => { if (wanted) begin(); });
  reads(["play"], follow);
  onAddress(read);
  onFilter(() => { if (wanted && filtered()) leave(); });
  if (asked("at")) read();
}
