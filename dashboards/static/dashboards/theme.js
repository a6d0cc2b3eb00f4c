// Dark or light by hand. The choice is a cookie, so that the server draws the next page right at once.
import { $ } from "./dom.js";
import { redraw } from "./pace.js";

const YEAR_S = 31_536_000;
const night = matchMedia("(prefers-color-scheme: dark)");
export const dark = () => (document.documentElement.dataset.theme ?? (night.matches ? "dark" : "light")) === "dark";
night.addEventListener("change", redraw);

export function theme() {
  $("theme").onclick = () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    document.cookie = `theme=${next}; path=/; max-age=${YEAR_S}; samesite=lax`;
    redraw();
  };
}
