// Tabs of a page that the server wrote: each button shows the panel that it names. Arrow keys go from one to the next.

/** The buttons of one list of tabs. */
export function tabbed(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (chosen) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
    }
  };
  list.onclick = (event) => { const tab = event.target.closest("[role=tab]"); if (tab) open(tab); };
  list.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
    open(next);
    next.focus();
  };
}
