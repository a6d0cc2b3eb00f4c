"""Each page tells what the shopper did, after the answer, and never at the page's expense."""

import logging

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from shopsite.catalogue.demo import fill
from shopsite.catalogue.models import Category, Product
from shopsite.events.schemas import Click
from shopsite.storefront import clicks
from shopsite.storefront.middleware import VisitorMiddleware
from tests.support.shop import product
from tests.support.storefront import AGENT, Shopper

pytestmark = pytest.mark.django_db
SITE = "http://testserver"


@pytest.mark.parametrize(
    ("address", "kind", "product_id", "search"),
    [
        ("/", "page_view", None, None),
        ("/c/shoes/", "view_item_list", None, None),
        ("/search", "view_item_list", None, None),
        ("/search?q=Running+SHOE", "search", None, "running shoe"),
        ("/p/SF-0011/", "view_item", "SF-0011", None),
        ("/cart/", "view_cart", None, None),
        ("/orders/", "page_view", None, None),
        ("/help/delivery/", "page_view", None, None),
        ("/account/log-in/", "page_view", None, None),
    ],
)
def test_each_page_tells_one_click(
    shopper: Shopper, told: list[Click], address: str, kind: str, product_id: str | None, search: str | None
) -> None:
    fill()
    shopper.read(address)
    assert [(one.type, one.product_id, one.search) for one in told] == [(kind, product_id, search)]
    assert told[0].path == address.partition("?")[0]


def test_a_purchase_tells_each_step(shopper: Shopper, told: list[Click], settings: Settings) -> None:
    settings.DEMO = True
    product("MUG", stock=5)
    product("CUP", stock=5)
    shopper.add("MUG")
    shopper.add("CUP")
    shopper.post("/cart/set", {"sku": "CUP", "quantity": "0"})
    shopper.read(shopper.buy())
    assert [(one.type, one.product_id) for one in told] == [
        ("add_to_cart", "MUG"),
        ("add_to_cart", "CUP"),
        ("remove_from_cart", "CUP"),
        ("begin_checkout", None),
        ("add_payment_info", None),
        ("page_view", None),
    ]
    assert len({one.user_id for one in told}) == len({one.session_id for one in told}) == 1
    assert len({one.event_id for one in told}) == len(told)


def test_looking_again_at_an_order_is_no_new_view(
    shopper: Shopper, told: list[Click], settings: Settings
) -> None:
    settings.DEMO = True
    product("MUG", stock=5)
    shopper.add("MUG")
    address = shopper.buy()
    told.clear()
    shopper.get(address, headers={"X-Look-Again": "1"})
    shopper.get(f"{address}status")
    assert told == []


def test_what_failed_is_not_told(shopper: Shopper, told: list[Click]) -> None:
    product("GONE", stock=0)
    shopper.get("/p/nothing/")
    shopper.post("/cart/add", {"sku": "GONE"})
    shopper.post("/cart/set", {"sku": "GONE", "quantity": "0"})
    assert told == []


def test_a_button_happened_on_its_page_and_led_nowhere(shopper: Shopper, told: list[Click]) -> None:
    product("MUG", stock=5)
    shopper.post("/cart/add", {"sku": "MUG"}, headers={"Referer": f"{SITE}/search?q=mug"})
    assert (told[0].path, told[0].referrer) == ("/search", None)


def test_a_landing_tells_referrer_and_campaign_without_what_may_be_private(
    shopper: Shopper, told: list[Click]
) -> None:
    shopper.get("/?utm_source=letter&utm_medium=mail", headers={"Referer": "https://news.example/a?user=7"})
    assert (told[0].referrer, told[0].campaign) == ("https://news.example/a", "letter / mail")
    assert told[0].path == "/"


@pytest.mark.parametrize("error", [RuntimeError("no Kafka"), ValueError("bad")])
def test_a_click_that_cannot_be_told_does_not_harm_the_page(
    shopper: Shopper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def emit(_click: Click) -> None:
        raise error

    monkeypatch.setattr("shopsite.events.clicks.emit", emit)
    with caplog.at_level(logging.ERROR):
        assert shopper.get("/").status_code == 200
    assert "A click was not counted; the page itself was served." in caplog.text


def test_nothing_is_told_before_the_answer_has_left(told: list[Click]) -> None:
    seen: list[int] = []
    request = RequestFactory().get("/")

    def view(shop_request: HttpRequest) -> HttpResponse:
        clicks.note(shop_request, "page_view")
        seen.append(len(told))
        return HttpResponse("page")

    response = VisitorMiddleware(view)(request)
    assert (seen, told) == ([0], [])
    response.close()
    assert len(told) == 1


def test_the_visitor_survives_log_in_and_the_account_is_another_id(
    shopper: Shopper, told: list[Click]
) -> None:
    ada = User.objects.create_user("ada@example.org", "ada@example.org", "good enough 1")
    product("MUG", stock=5)
    shopper.add("MUG")
    before = shopper.visitor
    shopper.post("/account/log-in/", {"username": "Ada@example.org", "password": "good enough 1"})
    shopper.read("/")
    assert shopper.session["_auth_user_id"] == str(ada.pk)
    assert told[-1].user_id == before != str(ada.pk)
    assert "1 item<" in shopper.read("/cart/")


def test_a_visitor_is_kept_for_years_a_visit_for_half_an_hour(shopper: Shopper) -> None:
    shopper.read("/")
    kept = {name: int(shopper.cookies[name]["max-age"]) for name in ("visitor", "visit")}
    assert kept == {"visitor": 2 * 365 * 24 * 3600, "visit": 30 * 60}
    assert all(shopper.cookies[name]["httponly"] for name in kept)
    first = shopper.cookies["visit"].value
    shopper.read("/cart/")
    assert shopper.cookies["visit"].value == first


def test_a_visit_is_the_first_one_to_its_end_and_the_next_one_is_not(
    shopper: Shopper, told: list[Click]
) -> None:
    shopper.read("/")
    shopper.read("/cart/")
    del shopper.cookies["visit"]  # half an hour later
    shopper.read("/")
    shopper.read("/cart/")
    assert [click.returning for click in told] == [False, False, True, True]


def test_a_search_says_how_much_it_found_and_a_product_its_shelf(shopper: Shopper, told: list[Click]) -> None:
    shelf = Category.objects.create(slug="tea", name="Tea")
    Product.objects.filter(pk=product("CUP", stock=5).pk).update(category=shelf, title="A cup")
    for address in ("/search?q=cup", "/search?q=hoodie", "/p/CUP/", "/c/tea/"):
        shopper.read(address)
    shopper.add("CUP")
    assert [(click.results, click.category) for click in told] == [
        (1, None),
        (0, None),
        (None, "tea"),
        (None, "tea"),
        (None, "tea"),
    ]


def test_admin_and_files_make_no_visitor(shopper: Shopper) -> None:
    shopper.get("/admin/login/")
    assert "visitor" not in shopper.cookies


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        (AGENT, False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("curl/8.5.0", True),
        ("", True),
    ],
)
def test_bots_are_flagged(told: list[Click], agent: str, is_bot: bool) -> None:
    Shopper(**{"User-Agent": agent}).read("/")
    assert told[0].bot is is_bot


@pytest.mark.parametrize(
    ("language", "country"),
    [("de-AT,de;q=0.9", "AT"), ("zh-Hant-TW", "TW"), ("en", None), ("es-419", None), ("", None)],
)
def test_the_country_is_the_first_languages_region(language: str, country: str | None) -> None:
    assert clicks.country(RequestFactory().get("/", headers={"Accept-Language": language})) == country


def test_a_trusted_proxys_country_wins(settings: Settings) -> None:
    settings.COUNTRY_HEADER = "CF-IPCountry"
    headers = {"Accept-Language": "de-AT", "CF-IPCountry": "nl"}
    assert clicks.country(RequestFactory().get("/", headers=headers)) == "NL"
    assert clicks.country(RequestFactory().get("/", headers={"Accept-Language": "de-AT"})) is None
