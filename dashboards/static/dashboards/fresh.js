// Keeps a page that the server writes fresh, by fetching it again: what bears data-fresh is replaced.

/** Every `ms`, and calls `then` after it. */
export function keepFresh(ms, then = () => {}) {
  async function refresh() {
    if (document.hidden || document.activeElement?.closest("[data-fresh]")) return; // not under a reader's fingers
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return stale(); // signed out, or the server has trouble of its own
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-fresh]");
    const shown = document.querySelectorAll("[data-fresh]");
    if (shown.length !== fresh.length) return location.reload(); // a part came or went, as where Redis is lost
    shown.forEach((node, i) => node.replaceWith(fresh[i]));
    return then();
  }
  setInterval(() => refresh().catch(stale), ms);
}

function stale() {
  const mode = document.querySelector(".mode");
  mode.className = "mode sick";
  mode.textContent = "AS OF";
}
