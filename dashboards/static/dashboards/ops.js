// Keeps the pipeline page fresh by fetching it again, and copies the command that mends a fault.

const EVERY_MS = 3000;

async function refresh() {
  if (document.hidden || document.activeElement?.closest("[data-fresh]")) return; // not under a reader's fingers
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return stale(); // signed out, or the server has trouble of its own
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-fresh]");
  document.querySelectorAll("[data-fresh]").forEach((node, i) => node.replaceWith(fresh[i]));
}

function stale() {
  const mode = document.querySelector(".mode");
  mode.className = "mode sick";
  mode.textContent = "AS OF";
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.lastChild.data = "Copied";
  setTimeout(() => { button.blur(); button.lastChild.data = "Copy"; }, 1500);
});

setInterval(() => refresh().catch(stale), EVERY_MS);
