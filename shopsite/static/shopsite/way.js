// The part of an order's way that comes from Kafka: asked for when the page is there, so that it never waits.
// Where that fails it is said why and what holds all the same, and it can be tried again.
const PATIENCE = 20000;
const box = document.querySelector("[data-load]");
const failed = document.querySelector("#log-failed");

function fail(why) {
  const told = failed.content.cloneNode(true);
  told.querySelector("b").textContent = why;
  box.replaceChildren(told);
}

function whyNot(error) {
  if (error.name === "TimeoutError") return `No answer within ${PATIENCE / 1000} seconds.`;
  return navigator.onLine ? "The shop's server cannot be reached." : "This computer is offline.";
}

async function look() {
  box.textContent = "Looking in Kafka …";
  try {
    const answer = await fetch(box.dataset.load, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.redirected) fail("You are logged out: log in again, in another window.");
    else if (answer.ok) box.innerHTML = await answer.text();
    else fail(`The shop's server answered with an error (${answer.status}).`);
  } catch (error) {
    fail(whyNot(error));
  }
}

if (box) {
  box.addEventListener("click", async (event) => {
    if (!event.target.closest(".again")) return;
    event.preventDefault();
    await look();
    box.querySelector(".again")?.focus(); // where it failed again, the next press is at hand
  });
  look();
}
