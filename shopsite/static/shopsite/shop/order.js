// Keep an order's page true: ask for its version, and where that is another one, fetch the page and put in what changed.
const order = document.getElementById("order");
const SHORTEST = 1000;
const LONGEST = 30000;
let version = order.dataset.version;
let pause = SHORTEST;
let timer = 0;

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
  document.title = page.title;
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh) fill(part, fresh);
  }
}

async function look() {
  timer = 0;
  let over = false;
  try {
    const answer = await fetch(order.dataset.status, { headers: { "If-None-Match": `"${version}"` }, cache: "no-store" });
    if (answer.status === 200) {
      const news = await answer.json();
      if (news.version !== version) {
        await renew();
        version = news.version;
        pause = SHORTEST;
      }
      over = news.over;
    } else if (answer.status !== 304) {
      over = answer.status < 500;
    }
  } catch {
    pause = LONGEST; // offline: try again when there is time
  }
  if (!over) wait();
}

function wait() {
  if (document.hidden || timer) return;
  timer = setTimeout(look, pause);
  pause = Math.min(LONGEST, pause * 1.25);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || "over" in order.dataset) return;
  clearTimeout(timer);
  timer = 0;
  pause = SHORTEST;
  look();
});
if (!("over" in order.dataset)) wait();
