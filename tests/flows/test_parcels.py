"""Who brings a parcel and under which number: typed when it is shipped, told to everybody who may know."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from orders.letters import letter_of
from orders.models import Mail, Order
from orders.parcels import is_web_address
from shopsite.fulfilment import pack_order
from shopsite.staff.models import StaffAction
from tests.support.shop import order as order
from tests.support.shop import paid, told
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
ADDRESS = "https://track.example/NP1?a=1&b=2"
RUNS = "javascript:alert(1)"
VISITOR = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def packed(order: Order) -> Order:
    """An order that is packed."""
    return pack_order(order_id=order.pk, actor="eve")


def ship(staff: As, order: Order, carrier: str = "", tracking: str = "") -> str:
    """The page that follows the order's own form."""
    address = reverse("admin:orders_order_do", args=[order.pk, "ship"])
    page = staff("operator").post(address, {"carrier": carrier, "tracking": tracking}, follow=True)
    order.refresh_from_db()
    return page.content.decode()


def read_as_shopper(order: Order) -> str:
    """The order's page in the browser that bought it."""
    Order.objects.filter(pk=order.pk).update(user_id=VISITOR)
    client = Client()
    client.cookies[settings.VISITOR_COOKIE] = VISITOR
    return client.get(f"/orders/{order.pk}/").content.decode()


def test_what_was_typed_is_told_to_the_shopper_in_the_mail_and_in_the_log(staff: As, packed: Order) -> None:
    ship(staff, packed, "Northpost", ADDRESS)
    assert (packed.status, packed.carrier, packed.tracking) == ("shipped", "Northpost", ADDRESS)
    letter = letter_of(Mail.objects.get(order=packed, kind="shipped"))
    assert f"is on its way with Northpost.\nWhere the parcel is: {ADDRESS}\n" in letter.text
    link = 'href="https://track.example/NP1?a=1&amp;b=2"'
    assert link in letter.html
    assert link in read_as_shopper(packed)
    assert "carrier Northpost, tracking https://track" in StaffAction.objects.get(action="ship").what
    page = staff("viewer").get(reverse("admin:orders_order_change", args=[packed.pk])).content.decode()
    assert link in page
    assert "Northpost" in page


def test_a_number_is_told_and_is_no_link(staff: As, packed: Order) -> None:
    ship(staff, packed, "", "NP 123 456")
    page, letter = read_as_shopper(packed), letter_of(Mail.objects.get(order=packed, kind="shipped"))
    assert '<span class="num">NP 123 456</span>' in page
    assert "Follow the parcel" not in page
    assert "Tracking number: NP 123 456" in letter.text
    assert "Tracking number: NP 123 456" in letter.html


def test_both_may_stay_empty_and_nothing_is_told_then(staff: As, packed: Order) -> None:
    assert "shipped" in ship(staff, packed)
    letter = letter_of(Mail.objects.get(order=packed, kind="shipped"))
    assert "is on its way.\n\n  2 x The MUG" in letter.text
    assert "racking" not in letter.text + letter.html
    assert "<dt>Parcel</dt>" not in read_as_shopper(packed)


def test_from_the_list_orders_are_shipped_with_one_carrier_or_none(staff: As, packed: Order) -> None:
    second, client = pack_order(order_id=paid({"MUG": 1}).pk, actor="eve"), staff("operator")
    for each, carrier in ((packed, "Northpost"), (second, "")):
        assert "Carrier" in act(client, "ship", each.pk)
        assert "1 shipped" in act(client, "ship", each.pk, confirmed="yes", carrier=carrier)
        each.refresh_from_db()
        assert (each.status, each.carrier, each.tracking) == ("shipped", carrier, "")


@pytest.mark.parametrize("bad", [RUNS, "ftp://x.example/1", "https://", "https://a b.example/"])
def test_what_is_no_address_of_the_web_is_refused_and_never_a_link(
    staff: As, packed: Order, bad: str
) -> None:
    assert "An address begins with https:// or http://" in ship(staff, packed, "", bad)
    assert packed.status == "packed"
    Order.objects.filter(pk=packed.pk).update(tracking=bad, status="shipped")
    assert f'href="{bad}' not in read_as_shopper(packed)
    assert not is_web_address(bad)


def test_the_form_says_what_shipping_does_and_events_tell_no_number(staff: As, packed: Order) -> None:
    form = staff("operator").get(reverse("admin:orders_order_do", args=[packed.pk, "ship"])).content.decode()
    assert "ada@example.org is written to: “Your order" in form
    assert 'name="carrier"' in form
    Order.objects.filter(pk=packed.pk).update(carrier="Northpost", tracking="1")
    assert "Northpost" not in str(told())
