"""What a page breaks of WCAG 2.2 AA, as axe sees it: at two widths, in both schemes. test_axe.py -> here.

A page is loaded once and looked at four times. What depends on colours alone is not asked about twice.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ALL = {"type": "tag", "values": TAGS}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
LOOKS = (("light", 1440, ALL), ("light", 390, ALL), ("dark", 390, COLOURS), ("dark", 1440, COLOURS))
RUN = """async (rules) => {
  // what the page does of the new width and colours comes with its next frames
  await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
  // colours that are still fading are nobody's choice
  document.getAnimations().forEach((one) => one.cancel());
  const found = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map((rule) => [rule.id, rule.help,
    rule.nodes.map((node) => `${node.html} ${node.any[0]?.message ?? ""}`)]);
}"""
# a page that scrolls sideways breaks 1.4.10; what is too wide may do so in a box of its own
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@cache
def axe() -> str:
    """The rules, as the package has them."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def broken(page: Page, name: str) -> list[str]:
    """What the page breaks, in words."""
    page.evaluate(axe())
    found = []
    for scheme, width, rules in LOOKS:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        where = f"{name} at {width}, {scheme}"
        told: Iterable[tuple[str, str, list[str]]] = page.evaluate(RUN, rules)
        found += [f"{where}: {rule}: {words}: {node}" for rule, words, nodes in told for node in nodes]
        if too_wide := page.evaluate(TOO_WIDE):  # after axe: charts have taken the new width by then
            found.append(f"{where}: scrolls {too_wide} px sideways")
    return found
