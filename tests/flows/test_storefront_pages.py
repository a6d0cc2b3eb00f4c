"""The shop's pages show what is there, cost few queries, and say so where nothing is."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from shopsite.catalogue.demo import fill
from shopsite.catalogue.models import Category, Product
from tests.support.shop import product
from tests.support.storefront import Shopper

pytestmark = pytest.mark.django_db


@pytest.fixture
def full_shop(shopper: Shopper) -> Shopper:
    """The demo's 78 products."""
    fill()
    return shopper


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/search",
        "/search?q=ball",
        "/search?q=hoverboard",
        "/c/shoes/",
        "/p/SF-0011/",
        "/cart/",
        "/orders/",
        "/help/delivery/",
        "/help/returns/",
        "/help/test-cards/",
        "/account/log-in/",
        "/account/sign-up/",
        "/account/password/reset/",
    ],
)
def test_every_page_opens_and_obeys_the_policy(full_shop: Shopper, address: str) -> None:
    page = full_shop.read(address)
    assert "<h1" in page
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page


def test_the_first_page_leads_only_to_shelves_that_are_there(shopper: Shopper) -> None:
    product("MUG")
    Product.objects.update(category=Category.objects.create(slug="home", name="Home"))
    page = shopper.read("/")
    assert 'href="/c/home/"' in page
    assert 'href="/c/sport/"' not in page


def test_pages_open_in_an_empty_shop(shopper: Shopper) -> None:
    for address in ("/", "/search", "/search?q=shoe", "/cart/"):
        shopper.read(address)


@pytest.mark.parametrize("address", ["/", "/search", "/c/home/", "/search?q=a&sort=price", "/p/SF-0041/"])
def test_a_page_of_products_costs_at_most_six_queries(
    full_shop: Shopper,
    address: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    full_shop.add("SF-0011")
    full_shop.read("/")  # categories and best sellers are remembered now
    with django_assert_max_num_queries(6):
        full_shop.read(address)


def test_a_search_finds_the_beginning_of_a_title_first(full_shop: Shopper) -> None:
    page = full_shop.read("/search?q=ball")
    names = [name for name in ("Ballet Shoes", "Match Football", "Basketball") if name in page]
    assert names == ["Ballet Shoes", "Match Football", "Basketball"]
    assert page.index("Ballet Shoes") < page.index("Basketball")
    assert "“ball”" in page


def test_every_word_must_be_found(full_shop: Shopper) -> None:
    page = full_shop.read("/search?q=wool+coat")
    assert "Winter Coat" in page  # its description speaks of wool
    assert "Work Coat" not in page


def test_filters_narrow_and_each_can_be_taken_away(full_shop: Shopper) -> None:
    page = full_shop.read("/search?category=electronics&category=toys-music&to=200&sort=price")
    assert "14 of 78" in page
    assert page.index("AA Battery Pack") < page.index("Puzzle 1000")
    assert 'href="/search?category=toys-music&amp;to=200&amp;sort=price"' in page
    assert "Laptop 14" not in page


def test_a_range_the_wrong_way_round_is_turned(full_shop: Shopper) -> None:
    assert "Up to €20" in full_shop.read("/search?from=20&to=10")


@pytest.mark.parametrize("query", ["from=NaN", "to=1e99", "sort=x", "page=0", "page=x", "q=%00", "q=%25_'"])
def test_nonsense_in_the_address_does_no_harm(full_shop: Shopper, query: str) -> None:
    full_shop.read(f"/search?{query}")


def test_nothing_found_shows_what_sells(full_shop: Shopper) -> None:
    page = full_shop.read("/search?q=hoverboard")
    assert "<h1>Nothing for “hoverboard”</h1>" in page
    assert "Bought often" in page
    assert "Apply" not in page


def test_sold_out_products_have_no_button_and_a_way_to_wait(shopper: Shopper) -> None:
    product("GONE", stock=0)
    page = shopper.read("/p/GONE/")
    assert "Sold out" in page
    assert "Tell me when it is back" in page
    assert "Add to cart" not in page


def test_a_product_leads_staff_to_its_figures_and_the_admin_and_shoppers_not(
    shopper: Shopper, admin_client: Client
) -> None:
    product("MUG", stock=3)
    pages = ("/dashboard/product/MUG/", "/admin/catalogue/product/MUG/change/")
    assert not any(page in shopper.read("/p/MUG/") for page in pages)
    seen = admin_client.get("/p/MUG/").content.decode()
    assert all(f'href="{page}"' in seen for page in pages)
    assert all(admin_client.get(page).status_code == 200 for page in pages)


def test_few_left_is_said_and_bounds_the_list(shopper: Shopper) -> None:
    product("FEW", stock=3)
    page = shopper.read("/p/FEW/")
    assert "Only 3 left" in page
    assert "<option>3</option>" in page
    assert "<option>4</option>" not in page


def test_only_what_is_in_stock_leaves_sold_out_ones_away(shopper: Shopper) -> None:
    product("GONE", stock=0)
    product("THERE", stock=1)
    product("UNTRACKED")
    page = shopper.read("/search?stock=1")
    assert "The THERE" in page
    assert "The UNTRACKED" in page
    assert "The GONE" not in page


def test_a_product_that_only_an_event_named_is_not_in_the_shop(shopper: Shopper) -> None:
    Product.objects.create(sku="abc", title="abc")
    assert shopper.get("/p/abc/").status_code == 404
    assert 'href="/p/abc/"' not in shopper.read("/search")


def test_a_sku_with_slashes_and_spaces_has_an_address(shopper: Shopper) -> None:
    product("10/2 a%b")
    assert "The 10/2 a%b" in shopper.read("/p/10/2%20a%25b/")


def test_what_is_not_there_is_a_page_of_the_shop(full_shop: Shopper) -> None:
    answer = full_shop.get("/nowhere")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


def test_a_form_without_its_token_is_a_page_of_the_shop(full_shop: Shopper) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/cart/add", {"sku": "SF-0011"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_a_page_that_breaks_says_so_without_the_database(
    full_shop: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopsite.storefront.selectors.newest", lambda _count: 1 / 0)
    full_shop.raise_request_exception = False
    answer = full_shop.get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
