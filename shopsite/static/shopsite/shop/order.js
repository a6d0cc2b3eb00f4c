// Keep an order's page true. A websocket tells that the order changed; where there is none, ask for its version.
// What changed is always read from the page itself, fetched once more.
const order = document.getElementById("order");
const SHORTEST = 1000;
const LONGEST = 30000;
const GONE = 4404; // the server says that this browser may not see the order
let version = order.dataset.version;
let isOver = "over" in order.dataset;
let isTold = false; // a socket is open and hears of changes
let pause = SHORTEST;
let timer = 0;
let busy = null;
let socket = null;

function fill(part, fresh) {
  if (part.dataset.part !== "steps") {
    if (part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes);
    return;
  }
  // the steps stay the same elements, so that their colours change softly
  [...part.children].forEach((step, place) => {
    const now = fresh.children[place];
    if (!now || step.outerHTML === now.outerHTML) return;
    step.className = now.className;
    step.toggleAttribute("aria-current", false);
    if (now.hasAttribute("aria-current")) step.setAttribute("aria-current", "step");
    step.querySelector(".node").replaceChildren(...now.querySelector(".node").childNodes);
    step.querySelector(".step-text").replaceChildren(...now.querySelector(".step-text").childNodes);
  });
}

async function renew() {
  const answer = await fetch(location.href, { headers: { "X-Look-Again": "1" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("order");
  if (!now) return;
  document.title = page.title;
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh) fill(part, fresh);
  }
  version = now.dataset.version;
  isOver = "over" in now.dataset;
  if (isOver) socket?.close();
}

// One look at a time; a change that is told meanwhile is looked at afterwards.
function renewSoon() {
  busy = (busy ?? Promise.resolve()).then(renew).catch(() => { isTold = false; wait(); });
}

async function look() {
  timer = 0;
  try {
    const answer = await fetch(order.dataset.status, { headers: { "If-None-Match": `"${version}"` }, cache: "no-store" });
    if (answer.status === 200) {
      const news = await answer.json();
      if (news.version !== version) {
        await renew();
        pause = SHORTEST;
      }
      isOver = news.over;
    } else if (answer.status !== 304) {
      isOver = answer.status < 500;
    }
  } catch {
    pause = LONGEST; // offline: try again when there is time
  }
  wait();
}

function wait() {
  if (document.hidden || timer || isOver) return;
  timer = setTimeout(look, isTold ? LONGEST : pause);
  pause = Math.min(LONGEST, pause * 1.25);
}

function wakeUp() {
  clearTimeout(timer);
  timer = 0;
  pause = SHORTEST;
  look();
}

function hear(news) {
  isTold = news.live !== false;
  if (!isTold) return wakeUp();
  clearTimeout(timer); // from now on it only asks now and then, in case that news was lost
  timer = 0;
  wait();
  if (news.version !== version) renewSoon();
}

function listen(tries = 0) {
  socket = new WebSocket(new URL(order.dataset.socket, location.href.replace(/^http/, "ws")));
  socket.addEventListener("message", (message) => {
    tries = 0;
    hear(JSON.parse(message.data));
  });
  socket.addEventListener("close", (closed) => {
    isTold = false;
    if (isOver) return;
    wakeUp();
    if (closed.code !== GONE) setTimeout(listen, Math.min(LONGEST, SHORTEST * 2 ** tries), tries + 1);
  });
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isOver) wakeUp();
});
if (!isOver) {
  listen();
  wait();
}
