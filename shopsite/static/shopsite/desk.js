// Cells say which column they are of, and whether they say nothing, for desk.css, which shows rows as cards on a phone.
for (const table of document.querySelectorAll("#result_list, .inline-group .tabular table")) {
  const labels = [...table.tHead.rows[0].cells].map((cell) => (cell.querySelector(".text") ?? cell).textContent.trim());
  for (const row of table.tBodies[0].rows) {
    for (const [at, cell] of [...row.cells].entries()) {
      cell.dataset.label = labels[at] ?? "";
      if (["", "-"].includes(cell.textContent.trim()) && !cell.querySelector("input, img")) cell.dataset.empty = "";
    }
  }
}
// What scrolls sideways on a phone, or in a narrow window, can be scrolled by keys, too.
function reachWhatScrolls() {
  for (const group of document.querySelectorAll(".inline-group")) {
    if (group.scrollWidth <= group.clientWidth) {
      if (group.tabIndex === 0) group.removeAttribute("tabindex");
      continue;
    }
    group.tabIndex = 0;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", group.querySelector("h2")?.textContent.trim() ?? "");
  }
}
reachWhatScrolls();
addEventListener("resize", reachWhatScrolls);
