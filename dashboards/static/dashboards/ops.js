// Keeps the pages of pipeline and answers fresh, and copies the command that mends a fault.
import { keepFresh } from "./fresh.js";
import { theme } from "./theme.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.lastChild.data = "Copied";
  setTimeout(() => { button.blur(); button.lastChild.data = "Copy"; }, 1500);
});

theme();
keepFresh(3000);
