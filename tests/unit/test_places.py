"""A path of the shop is told by what stands there."""

import pytest

from dashboards.keys import STEP
from dashboards.screen.places import place, product_of, steps

TITLES = {"MUG": "The mug"}
SHELVES = {"mugs": "Fine mugs"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Home"),
        ("/cart/", "Cart"),
        ("/p/MUG/", "The mug"),
        ("/p/HAT/", "HAT"),
        ("/c/mugs/", "Fine mugs"),
        ("/orders/4711/", "Order"),
        ("/about/us", "/about/us"),
        ("", "outside"),
    ],
)
def test_a_path_is_told_by_what_stands_there(path: str, words: str) -> None:
    assert place(path, lambda sku: TITLES.get(sku, sku), lambda slug: SHELVES.get(slug, slug)) == words


def test_a_step_has_two_paths_and_a_product_its_page() -> None:
    assert steps(f"/{STEP}/p/MUG/") == ["/", "/p/MUG/"]
    assert [product_of(path) for path in ("/p/MUG/", "/c/mugs/", "/p/MUG")] == ["MUG", "", ""]
