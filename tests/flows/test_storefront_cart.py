"""The cart keeps the wish and says what became of it."""

from decimal import Decimal

import pytest

from inventory.services import adjust
from shopsite.catalogue.models import Product
from shopsite.storefront import carts
from tests.support.shop import product
from tests.support.storefront import Shopper

pytestmark = pytest.mark.django_db


def test_a_cart_needs_no_session_and_is_kept(shopper: Shopper) -> None:
    product("MUG", stock=10)
    shopper.add("MUG", 2)
    shopper.add("MUG")
    assert carts.cart_of(shopper.visitor).count == 3
    assert "sessionid" not in shopper.cookies
    assert "3 items" in shopper.read("/cart/")


def test_a_wish_for_more_than_is_left_is_lowered_in_words(shopper: Shopper) -> None:
    product("MUG", stock=10)
    shopper.add("MUG", 4)
    adjust(product_id="MUG", change=-7, reason="broken", actor="test")
    page = shopper.read("/cart/")
    assert "Only 3 are left; we lowered your 4 to 3." in page
    assert "€37.50" in page
    adjust(product_id="MUG", change=7, reason="found", actor="test")
    assert "lowered" not in shopper.read("/cart/")
    assert carts.cart_of(shopper.visitor).count == 4


def test_the_last_one_is_told_in_the_singular(shopper: Shopper) -> None:
    product("MUG", stock=1)
    shopper.add("MUG", 2)
    assert "Only 1 is left; we lowered your 2 to 1." in shopper.read("/cart/")


def test_sold_out_lines_are_struck_and_not_counted(shopper: Shopper) -> None:
    product("MUG", stock=5)
    product("CUP", stock=5)
    shopper.add("MUG", 2)
    shopper.add("CUP", 1)
    adjust(product_id="MUG", change=-5, reason="broken", actor="test")
    page = shopper.read("/cart/")
    assert "Sold out, not counted." in page
    assert "<s" in page
    assert "1 item<" in page
    assert carts.cart_of(shopper.visitor).amount == 12.5
    assert 'href="/checkout/"' in page


def test_delivery_is_free_from_fifty(shopper: Shopper) -> None:
    product("MUG", stock=50)
    shopper.add("MUG", 3)
    assert "€42.40" in shopper.read("/cart/")  # 37.50 and 4.90
    shopper.add("MUG", 1)
    page = shopper.read("/cart/")
    assert "€50.00" in page
    assert "Free" in page


def test_minus_plus_and_remove_work_without_a_script(shopper: Shopper) -> None:
    product("MUG", stock=50)
    shopper.add("MUG", 3)
    for quantity, left in (("2", 2), ("5", 5), ("-1", 0)):
        assert shopper.post("/cart/set", {"sku": "MUG", "quantity": quantity}).status_code == 302
        assert carts.cart_of(shopper.visitor).count == left
    assert "Your cart is empty" in shopper.read("/cart/")


@pytest.mark.parametrize("quantity", ["", "x", "0", "-5", "1e9", "²"])
def test_a_quantity_that_is_none_adds_one(shopper: Shopper, quantity: str) -> None:
    product("MUG", stock=50)
    shopper.post("/cart/add", {"sku": "MUG", "quantity": quantity})
    assert carts.cart_of(shopper.visitor).count == 1


def test_one_line_never_holds_more_than_99(shopper: Shopper) -> None:
    product("MUG")
    shopper.add("MUG", 98)
    assert "is the most" not in shopper.read("/cart/")
    headers = {"Accept": "application/json"}
    told = shopper.post("/cart/add", {"sku": "MUG", "quantity": "98"}, headers=headers).json()
    assert told["said"] == "Your cart has 99 The MUG, the most of one product in an order."
    assert carts.cart_of(shopper.visitor).count == 99
    assert "99 is the most of one product in an order." in shopper.read("/cart/")


def test_a_line_that_holds_all_there_is_says_why_one_more_cannot_be_had(shopper: Shopper) -> None:
    product("MUG", stock=2)
    product("CUP", stock=1)
    shopper.add("MUG")
    assert "all that are left" not in shopper.read("/cart/")
    shopper.add("MUG")
    assert "These are all that are left." in shopper.read("/cart/")
    shopper.add("CUP")
    assert "It is the last one." in shopper.read("/cart/")


def test_two_visitors_have_two_carts(shopper: Shopper) -> None:
    product("MUG", stock=50)
    other = Shopper()
    shopper.add("MUG")
    other.add("MUG", 2)
    assert shopper.visitor != other.visitor
    assert carts.cart_of(shopper.visitor).count == 1


def test_a_made_up_visitor_cookie_is_not_taken(shopper: Shopper) -> None:
    product("MUG", stock=50)
    shopper.cookies["visitor"] = "admin' or 1=1"
    shopper.add("MUG")
    assert len(shopper.visitor) == 32


def test_the_product_page_is_come_back_to_with_a_message(shopper: Shopper) -> None:
    product("MUG", stock=50)
    answer = shopper.post("/cart/add", {"sku": "MUG", "next": "/p/MUG/"})
    assert answer.headers["Location"] == "/p/MUG/"
    assert "In your cart: 1 The MUG." in shopper.read("/p/MUG/")


def test_nobody_is_sent_to_another_site(shopper: Shopper) -> None:
    product("MUG", stock=50)
    answer = shopper.post("/cart/add", {"sku": "MUG", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/cart/"


def test_a_script_gets_words_and_the_tally(shopper: Shopper) -> None:
    product("MUG", stock=2)
    headers = {"Accept": "application/json"}
    told = shopper.post("/cart/add", {"sku": "MUG", "quantity": "3"}, headers=headers).json()
    assert told == {"level": "warn", "said": "Only 2 are left; your cart has 2 The MUG.", "tally": 2}


def test_a_product_that_is_no_longer_sold_is_named_once_and_leaves_the_cart(shopper: Shopper) -> None:
    product("MUG", stock=2)
    product("CUP", stock=2)
    shopper.add("MUG")
    shopper.add("CUP")
    Product.objects.filter(sku="MUG").update(listed=False)
    told = "No longer sold, and taken out of your cart: <b>The MUG</b>."
    assert shopper.head("/cart/").status_code == 200  # nobody has read it
    page = shopper.read("/cart/")
    assert told in page
    assert "1 item<" in page
    assert "The MUG" not in shopper.read("/cart/")


def add_and_delete(shopper: Shopper) -> None:
    """A product without stock, which nothing else points at, is put into the cart, and is no more."""
    card = Product.objects.create(sku="MUG", title="The MUG", price=Decimal("12.5"), listed=True)
    shopper.add("MUG")
    card.delete()


def test_a_product_that_was_deleted_is_named_once_and_leaves_the_cart(shopper: Shopper) -> None:
    product("CUP", stock=2)
    shopper.add("CUP")
    add_and_delete(shopper)
    page = shopper.read("/cart/")
    assert 'id="tally">1<' in page
    assert "No longer sold, and taken out of your cart: <b>The MUG</b>." in page
    assert "1 item<" in page
    assert "The MUG" not in shopper.read("/cart/")


def test_a_checkout_does_not_begin_before_the_cart_has_told_what_was_deleted(shopper: Shopper) -> None:
    product("CUP", stock=2)
    shopper.add("CUP")
    add_and_delete(shopper)
    assert shopper.get("/checkout/").headers["Location"] == "/cart/"


def test_a_cart_that_holds_nothing_else_says_it_too(shopper: Shopper) -> None:
    product("MUG", stock=2)
    shopper.add("MUG")
    Product.objects.update(listed=False)
    page = shopper.read("/cart/")
    assert "taken out of your cart: <b>The MUG</b>" in page
    assert "Your cart is empty" in page


def test_a_price_that_changed_is_told_once(shopper: Shopper) -> None:
    product("MUG", stock=20)
    shopper.add("MUG", 2)
    assert "The price" not in shopper.read("/cart/")
    Product.objects.update(price=Decimal("14"))
    assert "The price rose from €12.50 to €14.00." in shopper.read("/cart/")
    assert "The price" not in shopper.read("/cart/")
    Product.objects.update(price=Decimal("13"))
    assert "The price fell from €14.00 to €13.00." in shopper.read("/cart/")


def test_a_price_seen_when_more_was_added_is_no_news(shopper: Shopper) -> None:
    product("MUG", stock=20)
    shopper.add("MUG")
    Product.objects.update(price=Decimal("14"))
    shopper.add("MUG")
    assert "The price" not in shopper.read("/cart/")


def test_the_price_of_a_sold_out_line_is_told_when_it_is_back(shopper: Shopper) -> None:
    product("MUG", stock=2)
    shopper.add("MUG")
    Product.objects.update(price=Decimal("14"))
    adjust(product_id="MUG", change=-2, reason="broken", actor="test")
    assert "The price" not in shopper.read("/cart/")
    adjust(product_id="MUG", change=2, reason="found", actor="test")
    assert "The price rose from €12.50 to €14.00." in shopper.read("/cart/")
