// The dialog that makes a share link. What is made is shown once; the wall or other view of the address goes along.
import { $, say } from "./dom.js";
import { day, minute, zone } from "./words.js";

/** The link, with what this page's own address asks to see; the past stays here, as a link shows what is live. */
function withView(address) {
  const url = new URL(address), query = new URLSearchParams(location.search);
  for (const name of ["at", "speed", "paused"]) query.delete(name);
  url.search = query;
  return url.href;
}

function made({ address, expires }) {
  $("share-address").value = withView(address);
  say($("share-ends"), `Works until ${day(expires)} ${minute(expires)} ${zone(expires)}.`);
  $("share-made").hidden = $("share-copy").hidden = false;
  $("share-address").select();
}

async function make(event) {
  event.preventDefault();
  const form = event.target;
  $("share-made").hidden = $("share-copy").hidden = true;
  say($("share-problem"), "");
  $("share-make").disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
    if (answer.ok) made(told);
    else say($("share-problem"), told.problem ?? "No link was made. Reload the page and try again.");
  } catch {
    say($("share-problem"), "The server does not answer, so no link was made.");
  } finally {
    $("share-make").disabled = false;
  }
}

async function copy() {
  $("share-address").select();
  await navigator.clipboard?.writeText($("share-address").value); // without https there is no clipboard, and it is selected
  say($("share-copy"), navigator.clipboard ? "Copied" : "Selected");
  setTimeout(() => say($("share-copy"), "Copy"), 1500);
}

export function share() {
  const dialog = $("share-sheet");
  if (!dialog) return; // without the permission
  $("share").onclick = () => dialog.showModal();
  dialog.onclick = (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); };
  dialog.onclose = () => { $("share-form").reset(); $("share-made").hidden = $("share-copy").hidden = true; say($("share-problem"), ""); };
  $("share-form").onsubmit = make;
  $("share-copy").onclick = copy;
}
