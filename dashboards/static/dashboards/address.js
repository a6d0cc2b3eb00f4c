// The address says what is looked at, so that a reload, the back button and a colleague see the same.

const takers = [];
/** Calls `taker` after the reader went back or on. */
export const onAddress = (taker) => takers.push(taker);

export const asked = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** Writes these into the address, leaving out what is empty; `step` makes it a step of the back button. */
export function tell(changes, { step = false } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString(), url = `${location.pathname}${text ? `?${text}` : ""}`;
  if (url === location.pathname + location.search) return;
  if (step) history.pushState(null, "", url); else history.replaceState(null, "", url);
}

addEventListener("popstate", () => { for (const taker of takers) taker(); });
