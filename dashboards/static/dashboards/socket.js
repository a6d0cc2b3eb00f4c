// The connection to the hub: joins, resumes by number, notices silence, comes back by itself.
import { page } from "./page.js";
import { apply, store } from "./store.js";

const SILENT_MS = 8_000; // the hub speaks at least every 2 s; the past does not, where it rests
const WAITS_MS = [300, 1_000, 2_000, 5_000, 10_000];
const ASLEEP_MS = 60_000; // a tab that nobody has looked at for so long costs the server nothing

export const link = { state: "connecting", since: Date.now(), next: 0, reason: "", past: false, view: {} };
const watchers = [];
export const onLink = (watcher) => watchers.push(watcher);
let socket, tries = 0, timer = 0, silence = 0, sleep = 0, figures = () => {};
const openers = [], problems = [], refusals = [];
export const onOpen = (opener) => openers.push(opener);
export const onProblem = (teller) => problems.push(teller);
/** Calls `teller` with words and the view that is shown, where a filter was refused. */
export const onRefusal = (teller) => refusals.push(teller);
export const onFigures = (taker) => { figures = taker; };

/** Sends a command to the server; what must outlive a lost socket is sent again by whoever is onOpen. */
export function ask(command) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
}

function become(state, more = {}) {
  const since = link.state === state ? link.since : Date.now();
  Object.assign(link, { next: 0, reason: "" }, more, { state, since });
  for (const watcher of watchers) watcher(link);
}

function heard() {
  clearTimeout(silence);
  if (!link.past) silence = setTimeout(() => lose("silent"), SILENT_MS);
}

export function connect() {
  clearTimeout(timer);
  drop();
  const url = new URL(page.socket, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ ...link.view, ...(store.seq && { hub: store.hub, seq: store.seq }) });
  if (link.state !== "lost") become("connecting");
  const mine = (socket = new WebSocket(url));
  heard();
  mine.onopen = () => { if (mine === socket) for (const opener of openers) opener(); };
  mine.onmessage = (event) => { if (mine === socket) take(JSON.parse(event.data)); };
  mine.onclose = (event) => { if (mine === socket) closed(event); };
}

function take(message) {
  heard();
  if (message.figures) return figures(message);
  if (message.view) return refusals.forEach((tell) => tell(message.problem, message.view));
  if (message.problem) return problems.forEach((tell) => tell(message.problem));
  if (link.past && message.hub !== store.hub && !message.set.play) return undefined; // live, and still on its way
  if (!apply(message)) return ask({ ask: "snapshot" });
  tries = 0;
  if (link.state !== "live") become("live");
}

function closed({ code, reason }) {
  drop();
  if (code === 4401 || code === 4403 || code === 4410) return become("refused", { reason });
  lose(reason);
}

function drop() {
  clearTimeout(silence);
  const old = socket;
  socket = undefined;
  old?.close();
}

function lose(reason) {
  drop();
  const most = WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)];
  const wait = most * (0.7 + 0.3 * Math.random()); // so that many who lost the same server don't return as one
  timer = setTimeout(connect, wait);
  become("lost", { next: Date.now() + wait, reason });
}

if (page.socket) {
  addEventListener("online", () => { if (link.state === "lost") connect(); });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleep);
    if (document.hidden) sleep = setTimeout(() => { clearTimeout(timer); drop(); link.asleep = true; }, ASLEEP_MS);
    else if (link.asleep || link.state === "lost") { link.asleep = false; connect(); }
  });
}
