"""An order's page tells its way in words, changes by itself, and is shown to nobody else."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from inventory.services import adjust
from orders.models import Order, Payment
from orders.selectors import order_view
from shopsite.catalogue.models import Product
from shopsite.fulfilment import charge, deliver_order, give_due, pack_order, refund_order, ship_order
from shopsite.storefront.delivery import arrives, arrives_after
from shopsite.storefront.templatetags.shop import clock, day
from shopsite.storefront.tracking import tracking
from tests.support.shop import DECLINED, level, product, read_back
from tests.support.storefront import Shopper, order_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper(shopper: Shopper, settings: Settings) -> Shopper:
    """Somebody with two mugs in the cart, in a demo."""
    settings.DEMO = True
    product("MUG", stock=10)
    shopper.add("MUG", 2)
    return shopper


def charged(address: str) -> Order:
    """The order after its event went through Kafka and the bank was asked."""
    order = Order.objects.get(pk=order_id(address))
    read_back(order)
    charge(order.pk)
    order.refresh_from_db()
    return order


def same_to_all(page: bytes, number: str) -> str:
    """A page without what differs anyway: the number that was asked for, and the form's token."""
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", page.decode().replace(number, ""))


def states(page: str) -> list[str]:
    """The states of the five steps."""
    steps = page.partition('<ol class="steps"')[2].partition("</ol>")[0]
    return [part.partition('"')[0] for part in steps.split('<li class="is-')[1:]]


def test_each_status_has_its_words_and_its_place_in_the_steps(shopper: Shopper) -> None:
    address = shopper.buy()
    page = shopper.read(address)
    assert "Thank you, we have your order" in page
    assert states(page) == ["done", "wait", "todo", "todo", "todo"]
    order = charged(address)
    page = shopper.read(address)
    assert "Paid, and being packed" in page
    assert states(page) == ["done", "now", "todo", "todo", "todo"]
    assert f"Your order {order.pk} is confirmed" in page
    for step, words in (
        (pack_order, "Packed, and"),
        (ship_order, "On its way"),
        (deliver_order, "Delivered"),
    ):
        step(order_id=order.pk, actor="test")
        page = shopper.read(address)
        assert f"<h1>{words}" in page
    assert states(page) == ["done"] * 5
    assert "Live." not in page


def test_what_will_not_come_is_not_promised(shopper: Shopper) -> None:
    address = shopper.buy()
    shopper.post(f"{address}cancel")
    page = shopper.read(address)
    assert states(page) == ["done", "end", "never", "never", "never"]
    assert "Ended: </span>Cancelled" in page
    assert "Will not come: </span>Delivered" in page
    assert "To come" not in page


def test_a_refund_ends_the_way_where_the_order_stood(shopper: Shopper) -> None:
    order = charged(shopper.buy())
    refund_order(order_id=order.pk, actor="test")
    told = tracking(order_view(order.pk), page="")
    assert [step.said for step in told.steps] == ["Done", "Now", "On hold", "On hold", "On hold"]
    give_due()
    told = tracking(order_view(order.pk), page="")
    assert [step.state for step in told.steps] == ["done", "done", "end", "never", "never"]
    assert told.steps[2].name == "Refunded"


def test_where_it_goes_is_told_with_the_country(shopper: Shopper) -> None:
    page = shopper.read(shopper.buy(country="NL"))
    assert "<dd>Ada Morgenstern<br>Lindenweg 12<br>10999 Berlin<br>Netherlands</dd>" in page


def test_days_are_promised_from_when_it_was_paid_and_never_in_the_past(shopper: Shopper) -> None:
    order = charged(shopper.buy())
    Order.objects.update(placed_at=timezone.now() - timedelta(days=21))  # it waited for stock
    first, last = arrives(timezone.now())
    promised = f"{first:%a} {first.day} or {day(last)}"
    told = tracking(order_view(order.pk), page="")
    assert told.lead == f"It should be with you on {promised}."
    assert told.steps[-1].when == promised
    order.history.filter(to_status="paid").update(at=timezone.now() - timedelta(days=14))
    assert tracking(order_view(order.pk), page="").lead == f"It should be with you on {promised}."


def test_a_parcel_that_should_be_there_is_not_promised_again(shopper: Shopper) -> None:
    order = charged(shopper.buy())
    pack_order(order_id=order.pk, actor="test")
    ship_order(order_id=order.pk, actor="test")
    shipped = timezone.now() - timedelta(days=30)
    order.history.filter(to_status="shipped").update(at=shipped)
    told = tracking(order_view(order.pk), page="")
    assert told.lead.startswith(f"It should have been with you by {day(arrives_after(shipped)[1])}")


def test_what_went_wrong_on_another_day_says_which(shopper: Shopper) -> None:
    order = charged(shopper.buy(card=DECLINED))
    Order.objects.update(placed_at=timezone.now() - timedelta(days=3))
    order.refresh_from_db()
    failed = tracking(order_view(order.pk), page="").steps[1]
    assert (failed.state, failed.when) == ("fail", f"{day(order.changed_at)}, {clock(order.changed_at)}")


def test_a_declined_card_is_told_and_another_one_pays(shopper: Shopper) -> None:
    address = shopper.buy(DECLINED)
    order = charged(address)
    page = shopper.read(address)
    assert "The payment did not go through" in page
    assert "all of them are still in stock" in page
    assert states(page) == ["done", "fail", "hold", "hold", "hold"]
    assert level("MUG") == (10, 0)
    again = shopper.post(f"/orders/{order.pk}/pay", {"card": "4242424242424242"})
    assert again.headers["Location"] == address
    assert level("MUG") == (10, 2)
    charge(order.pk)
    assert "Paid, and being packed" in shopper.read(address)
    assert Payment.objects.filter(order=order, state="captured").count() == 1


def test_paying_again_for_what_is_sold_says_so(shopper: Shopper) -> None:
    address = shopper.buy(DECLINED)
    order = charged(address)
    adjust(product_id="MUG", change=-9, reason="broken", actor="test")
    page = shopper.read(address)
    assert "not all of them are in stock any more" in page
    assert "Pay with another card" not in page
    shopper.post(f"/orders/{order.pk}/pay", {"card": "4242424242424242"})
    assert "Some of it has been sold meanwhile. Nothing was charged." in shopper.read(address)


def test_a_failed_order_goes_back_into_the_cart(shopper: Shopper) -> None:
    order = charged(shopper.buy(DECLINED))
    assert shopper.post(f"/orders/{order.pk}/again").headers["Location"] == "/cart/"
    assert "2 items" in shopper.read("/cart/")


def test_what_has_arrived_can_be_ordered_again(shopper: Shopper) -> None:
    order = charged(shopper.buy())
    page = f"/orders/{order.pk}/"
    assert "Put the same in the cart again" not in shopper.read(page)
    for step in (pack_order, ship_order, deliver_order):
        step(order_id=order.pk, actor="test")
    assert f'action="{page}again"' in shopper.read(page)
    shopper.post(f"{page}again")
    assert "2 items" in shopper.read("/cart/")


def test_what_an_order_had_and_is_no_longer_sold_or_costs_more_is_told_by_the_cart(shopper: Shopper) -> None:
    product("CUP", stock=10)
    shopper.add("CUP")
    order = charged(shopper.buy(DECLINED))
    Product.objects.filter(sku="CUP").update(listed=False)
    Product.objects.filter(sku="MUG").update(price=Decimal("14"))
    shopper.post(f"/orders/{order.pk}/again")
    page = shopper.read("/cart/")
    assert "No longer sold, and taken out of your cart: <b>The CUP</b>." in page
    assert "The price rose from €12.50 to €14.00." in page


def test_the_status_is_asked_for_cheaply(shopper: Shopper) -> None:
    address = shopper.buy()
    first = shopper.get(f"{address}status")
    assert first.json() == {"status": "placed", "version": first.json()["version"], "over": False}
    tag = {"If-None-Match": first.headers["ETag"]}
    same = shopper.get(f"{address}status", headers=tag)
    assert (same.status_code, same.content) == (304, b"")
    assert f'data-version="{first.json()["version"]}"' in shopper.read(address)
    charged(address)
    news = shopper.get(f"{address}status", headers=tag)
    assert news.json()["status"] == "paid"


def test_a_shopper_cancels_until_it_is_packed(shopper: Shopper) -> None:
    address = shopper.buy()
    shopper.post(f"{address}cancel")
    page = shopper.read(address)
    assert "This order is cancelled" in page
    assert level("MUG") == (10, 0)
    shopper.add("MUG")
    packed = charged(shopper.buy())
    pack_order(order_id=packed.pk, actor="test")
    shopper.post(f"/orders/{packed.pk}/cancel")
    assert "It is too late to cancel" in shopper.read(f"/orders/{packed.pk}/")


def test_before_a_shopper_cancels_the_page_says_what_that_does(shopper: Shopper) -> None:
    address = shopper.buy()
    asked = shopper.read(address).partition('<details class="sure">')[2].partition("</details>")[0]
    assert "Nothing is charged, and nothing is sent." in asked
    charged(address)
    page = shopper.read(address)
    asked = page.partition('<details class="sure">')[2].partition("</details>")[0]
    assert "goes back to the card ending" in asked
    assert f'action="{address}cancel"' in asked
    assert page.count(f'action="{address}cancel"') == 1


@pytest.mark.parametrize("part", ["", "status", "pay"])
def test_a_stranger_sees_no_order_and_not_even_whether_there_is_one(shopper: Shopper, part: str) -> None:
    address = shopper.buy()
    stranger = Shopper()
    stranger.add("MUG")
    hidden = stranger.get(f"{address}{part}")
    missing = stranger.get(f"/orders/nosuchorder1/{part}")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert same_to_all(hidden.content, order_id(address)) == same_to_all(missing.content, "nosuchorder1")
    assert Shopper().get(address).status_code == 404


def test_another_browser_finds_an_order_by_its_number_and_e_mail(shopper: Shopper) -> None:
    address = shopper.buy()
    other = Shopper()
    wrong = other.post("/find-order/", {"number": order_id(address), "email": "eve@example.org"})
    assert "There is no order with this number and this e-mail." in wrong.content.decode()
    assert other.get(address).status_code == 404
    typed = {"number": f" {order_id(address).upper()} ", "email": "Ada@Example.org"}
    assert other.post("/find-order/", typed).headers["Location"] == address
    assert other.get(address).status_code == 200
    assert other.post(f"{address}cancel").headers["Location"] == address
    assert Shopper().get(address).status_code == 404


def test_who_changes_the_cookie_of_found_orders_sees_none(shopper: Shopper) -> None:
    address = shopper.buy()
    other = Shopper()
    other.post("/find-order/", {"number": order_id(address), "email": "ada@example.org"})
    shopper.add("MUG")
    second = shopper.buy()
    assert other.get(second).status_code == 404
    other.cookies["found"] = f"{other.cookies['found'].value}x"
    assert other.get(address).status_code == 404


def test_an_order_of_another_system_is_not_found_whose_number_may_be_guessed(shopper: Shopper) -> None:
    number = order_id(shopper.buy())
    Order.objects.update(source=Order.Source.KAFKA)
    answer = Shopper().post("/find-order/", {"number": number, "email": "ada@example.org"})
    assert "There is no order with this number" in answer.content.decode()


def test_an_accounts_order_is_not_found_without_logging_in(shopper: Shopper) -> None:
    shopper.force_login(User.objects.create_user("ada@example.org", "ada@example.org", "good enough 1"))
    address = shopper.buy()
    other = Shopper()
    other.post("/find-order/", {"number": order_id(address), "email": "ada@example.org"})
    assert other.get(address).status_code == 404


@pytest.mark.parametrize("part", ["pay", "cancel", "again"])
def test_a_stranger_cannot_act_on_an_order(shopper: Shopper, part: str) -> None:
    address = shopper.buy()
    assert Shopper().post(f"{address}{part}", {"card": "4242424242424242"}).status_code == 404
    assert Order.objects.get().status == "placed"


def test_an_accounts_order_is_hidden_after_log_out_and_asks_to_log_in(shopper: Shopper) -> None:
    ada = User.objects.create_user("ada@example.org", "ada@example.org", "good enough 1")
    shopper.force_login(ada)
    address = shopper.buy()
    assert shopper.get(address).status_code == 200
    shopper.post("/account/log-out/")
    assert shopper.get(address).headers["Location"] == f"/account/log-in/?next={address}"
    assert order_id(address) not in shopper.read("/orders/")
    elsewhere = Shopper()
    elsewhere.force_login(ada)
    assert elsewhere.get(address).status_code == 200
    assert order_id(address) in elsewhere.read("/orders/")


def test_staff_see_every_order(shopper: Shopper) -> None:
    address = shopper.buy()
    staff = Shopper()
    staff.force_login(User.objects.create_superuser("boss", password="good enough 1"))
    assert staff.get(address).status_code == 200
    clerk = Shopper()  # staff, but without the right to see orders
    clerk.force_login(User.objects.create_user("clerk", password="good enough 1", is_staff=True))
    assert clerk.get(address).status_code == 404


def test_mails_are_shown_in_a_demo_only(shopper: Shopper, settings: Settings) -> None:
    address = shopper.buy()
    charged(address)
    assert "Mail from us" in shopper.read(address)
    settings.DEMO = False
    assert "Mail from us" not in shopper.read(address)


def test_the_list_of_orders_costs_few_queries(
    shopper: Shopper, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        shopper.add("MUG")
        shopper.buy()
    shopper.read("/orders/")
    with django_assert_max_num_queries(7):
        page = shopper.read("/orders/")
    assert page.count("Waiting for the payment") == 3


def test_a_shopper_reads_in_words_why_a_mail_did_not_come_and_never_the_servers_answer(
    shopper: Shopper,
) -> None:
    address = shopper.buy()
    order = charged(address)
    order.mails.update(state="failed", why="refused: 550 5.1.1 No such user here")
    page = shopper.read(address)
    assert "Not sent. The mail server of this address refused it." in page
    assert "550" not in page
