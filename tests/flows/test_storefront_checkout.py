"""The checkout takes an order once, or says what to mend and changes nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connections
from pytest_django.fixtures import Settings

from inventory.services import adjust
from orders.models import Order, Payment
from shopsite.catalogue.models import Product
from shopsite.events.models import OutboxEvent
from shopsite.storefront import carts
from tests.support.shop import DECLINED, level, product
from tests.support.storefront import Shopper, order_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper(shopper: Shopper, settings: Settings) -> Shopper:
    """Somebody with two mugs in the cart, in a demo."""
    settings.DEMO = True
    product("MUG", stock=10)
    shopper.add("MUG", 2)
    return shopper


def test_an_order_is_placed_reserved_and_told_and_the_cart_is_empty(shopper: Shopper) -> None:
    address = shopper.buy()
    order = Order.objects.get(pk=order_id(address))
    assert order.amount == Decimal("29.90")  # two at 12.50, and delivery
    assert order.shipping == Decimal("4.90")
    assert order.user_id == shopper.visitor
    assert order.account_id is None
    assert order.country == "DE"
    assert level("MUG") == (10, 2)
    assert OutboxEvent.objects.filter(topic="orders").count() == 1
    assert carts.cart_of(shopper.visitor).count == 0
    assert "Thank you, we have your order" in shopper.read(address)


def test_the_same_form_twice_is_one_order(shopper: Shopper) -> None:
    form = shopper.fill()
    first, second = (shopper.post("/checkout/", form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Order.objects.count() == 1
    assert level("MUG") == (10, 2)


@pytest.mark.django_db(transaction=True)
def test_the_same_form_twice_at_once_is_one_order(shopper: Shopper) -> None:
    form = shopper.fill()
    twins = [Shopper(), Shopper()]
    for twin in twins:
        twin.cookies = shopper.cookies

    def send(twin: Shopper) -> str:
        try:
            return twin.post("/checkout/", form).headers["Location"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        places = set(pool.map(send, twins))
    assert Order.objects.count() == 1
    assert f"/orders/{Order.objects.get().pk}/" in places
    assert places <= {f"/orders/{Order.objects.get().pk}/", "/cart/"}
    assert level("MUG") == (10, 2)


def test_two_windows_are_two_orders(shopper: Shopper) -> None:
    first = shopper.fill()
    shopper.post("/checkout/", first)
    shopper.add("MUG")
    shopper.buy()
    assert Order.objects.count() == 2


def test_another_visitors_token_does_not_name_the_order(shopper: Shopper) -> None:
    form = shopper.fill()
    stranger = Shopper()
    stranger.add("MUG")
    answer = stranger.post("/checkout/", {**form, "total": "17.400000"})
    token = form["token"].partition(":")[0]
    assert answer.status_code == 302
    assert order_id(answer.headers["Location"]) != token


def test_what_sold_out_meanwhile_leads_back_to_the_cart_with_words(shopper: Shopper) -> None:
    form = shopper.fill()
    shopper_sees_two = carts.cart_of(shopper.visitor)
    adjust(product_id="MUG", change=-9, reason="broken", actor="test")
    answer = shopper.post("/checkout/", form)
    assert shopper_sees_two.count == 2
    page = answer.content.decode()
    assert "The total is now €17.40: only 1 of The MUG can be had." in page
    assert Order.objects.count() == 0


def test_stock_lost_between_look_and_lock_orders_nothing(
    shopper: Shopper,
) -> None:
    form = shopper.fill()
    seen = carts.cart_of(shopper.visitor)
    adjust(product_id="MUG", change=-10, reason="broken", actor="test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carts, "cart_of", lambda _visitor: seen)
        answer = shopper.post("/checkout/", form)
    assert answer.headers["Location"] == "/cart/"
    page = shopper.read("/cart/")
    assert "some of it was sold. Nothing was ordered or charged" in page
    assert "Sold out, not counted." in page
    assert Order.objects.count() == 0
    assert level("MUG") == (0, 0)


def test_what_is_no_longer_sold_is_named_where_the_total_changes(shopper: Shopper) -> None:
    product("CUP", stock=3)
    shopper.add("CUP")
    form = shopper.fill()
    Product.objects.filter(sku="CUP").update(listed=False)
    page = shopper.post("/checkout/", form).content.decode()
    assert "The total is now €29.90: The CUP is no longer sold." in page
    assert "CUP" not in shopper.read("/cart/")  # it was told


def test_a_total_that_changed_is_told_beside_what_else_is_wrong(shopper: Shopper) -> None:
    form = shopper.fill(city="")
    Product.objects.update(price=Decimal("20"))
    page = shopper.post("/checkout/", form).content.decode()
    assert "Town: missing" in page
    assert "The total is now €44.90" in page


def test_the_checkout_sends_back_to_a_cart_that_has_news(shopper: Shopper) -> None:
    Product.objects.update(price=Decimal("20"))
    assert shopper.get("/checkout/").headers["Location"] == "/cart/"
    assert "The price rose from €12.50 to €20.00." in shopper.read("/cart/")
    assert shopper.get("/checkout/").status_code == 200


def test_a_price_that_changed_is_shown_before_it_is_charged(shopper: Shopper) -> None:
    form = shopper.fill()
    Product.objects.update(price=Decimal("20"))
    page = shopper.post("/checkout/", form).content.decode()
    assert "The total is now €44.90: The MUG costs €20.00, not €12.50." in page
    assert Order.objects.count() == 0
    shopper.buy()
    assert Order.objects.get().amount == Decimal("44.90")


def test_errors_are_summed_up_linked_and_what_was_typed_stays(shopper: Shopper) -> None:
    typed = {"email": "ada@", "postcode": "", "card_number": "4242 4242 4242 424"}
    form = shopper.fill("typed", **typed, card_until="13/20", card_code="12")
    page = shopper.post("/checkout/", form).content.decode()
    for words in (
        "Five things need a look.",
        "Nothing was ordered or charged.",
        '<a href="#id_email">E-mail: the part after @ is missing</a>',
        '<a href="#id_postcode">Postcode: missing</a>',
        '<a href="#id_card_number">Card number: one digit short</a>',
        'value="Lindenweg 12"',
        'value="4242 4242 4242 424"',
    ):
        assert words in page
    assert page.count('aria-invalid="true"') == 5
    assert Order.objects.count() == 0


def test_a_card_is_never_kept_but_its_last_digits(shopper: Shopper) -> None:
    shopper.buy("typed", card_number="4242 4242 4242 4242", card_until="12 / 49", card_code="123")
    payment = Payment.objects.get()
    assert payment.last4 == "4242"
    assert not any("42424242" in str(value) for value in vars(payment).values())


def test_the_test_cards_are_offered_in_a_demo_only(shopper: Shopper, settings: Settings) -> None:
    assert "4000 0000 0000 0002" in shopper.read("/checkout/")
    settings.DEMO = False
    page = shopper.read("/checkout/")
    assert "4000 0000 0000 0002" not in page
    assert 'value="typed" checked' in page
    refused = shopper.post("/checkout/", shopper.fill(DECLINED))
    assert refused.status_code == 200
    assert Order.objects.count() == 0


def test_an_empty_cart_has_no_checkout(shopper: Shopper) -> None:
    shopper.post("/cart/set", {"sku": "MUG", "quantity": "0"})
    assert shopper.get("/checkout/").headers["Location"] == "/cart/"


@pytest.fixture
def ada() -> Iterator[User]:
    """An account."""
    yield User.objects.create_user("ada@example.org", "ada@example.org", "good enough 1")


def test_an_account_logs_in_by_ordering(shopper: Shopper, ada: User) -> None:
    before = shopper.visitor
    shopper.buy(who="account", email="Ada@example.org", password="good enough 1")
    order = Order.objects.get()
    assert order.account == ada
    assert order.user_id == before == shopper.visitor


def test_a_wrong_password_orders_nothing(shopper: Shopper, ada: User) -> None:
    form = shopper.fill(who="account", password="wrong")
    page = shopper.post("/checkout/", form).content.decode()
    assert "E-mail and password do not fit together." in page
    assert 'value="wrong"' not in page
    assert Order.objects.count() == 0


def test_an_account_finds_its_last_address_in_the_form(shopper: Shopper, ada: User) -> None:
    shopper.force_login(ada)
    shopper.buy(street="Am Tor 3", city="Potsdam")
    shopper.add("MUG")
    page = shopper.read("/checkout/")
    assert 'value="Am Tor 3"' in page
    assert 'value="Potsdam"' in page
    assert "Logged in as" in page
