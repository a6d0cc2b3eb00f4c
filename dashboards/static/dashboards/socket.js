// The connection to the hub: joins, resumes by number, notices silence, comes back by itself.
import { page } from "./page.js";
import { apply, store } from "./store.js";

const SILENT_MS = 8_000; // the hub speaks at least every 2 s
const WAITS_MS = [300, 1_000, 2_000, 5_000, 10_000];
const ASLEEP_MS = 60_000; // a tab that nobody has looked at for so long costs the server nothing

export const link = { state: "connecting", since: Date.now(), next: 0, reason: "" };
const watchers = [];
export const onLink = (watcher) => watchers.push(watcher);
let socket, tries = 0, timer = 0, silence = 0, sleep = 0, figures = () => {};
export const onFigures = (taker) => { figures = taker; };

function become(state, more = {}) {
  const since = link.state === state ? link.since : Date.now();
  Object.assign(link, { next: 0, reason: "" }, more, { state, since });
  for (const watcher of watchers) watcher(link);
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(() => lose("silent"), SILENT_MS);
}

export function connect() {
  clearTimeout(timer);
  drop();
  const url = new URL(page.socket, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (store.seq) url.search = new URLSearchParams({ hub: store.hub, seq: store.seq });
  if (link.state !== "lost") become("connecting");
  const mine = (socket = new WebSocket(url));
  heard();
  mine.onmessage = (event) => { if (mine === socket) take(JSON.parse(event.data)); };
  mine.onclose = (event) => { if (mine === socket) closed(event); };
}

function take(message) {
  heard();
  if (message.figures) return figures(message);
  if (!apply(message)) return socket.send(JSON.stringify({ ask: "snapshot" }));
  tries = 0;
  if (link.state !== "live") become("live");
}

function closed({ code, reason }) {
  drop();
  if (code === 4401 || code === 4403) return become("refused", { reason });
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

addEventListener("online", () => { if (link.state === "lost") connect(); });
document.addEventListener("visibilitychange", () => {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(() => { clearTimeout(timer); drop(); link.asleep = true; }, ASLEEP_MS);
  else if (link.asleep || link.state === "lost") { link.asleep = false; connect(); }
});
