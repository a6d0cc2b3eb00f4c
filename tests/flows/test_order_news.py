"""Whatever changes what an order's page says is told to the page that is open. One row a way to change it."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.utils import timezone

from inventory.models import Level, Reservation
from inventory.services import adjust
from orders import news, sending
from orders.models import Order, Payment, Refund
from shopsite.fulfilment import (
    cancel_order,
    charge,
    charge_due,
    expire_reservations,
    fill_backorders,
    give_due,
    handle_orders,
    pack_order,
    pay_again,
    refund_order,
)
from shopsite.storefront.tracking import page_version
from tests.support.mails import mails_fail
from tests.support.messages import order_message
from tests.support.shop import APPROVED, DECLINED, NUMBERS, paid, place, product, read_back

pytestmark = pytest.mark.django_db
Act = Callable[[], object]


def due(card: str = APPROVED) -> Order:
    """An order that is to be charged now."""
    order = place({"MUG": 1}, card=card)
    read_back(order)
    return order


def charged(card: str) -> Order:
    """An order after the bank was asked."""
    order = due(card)
    charge(order.pk)
    return order


def unreserved(order: Order) -> Order:
    """Its reservation is over."""
    Reservation.objects.filter(order_id=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return order


def never_read_back() -> Order:
    """Its event did not come back for more than a day."""
    order = unreserved(place({"MUG": 1}))
    Payment.objects.update(created_at=timezone.now() - timedelta(days=2))
    return order


def silent_for_a_day() -> Order:
    """The bank was asked to charge, and said nothing."""
    order = unreserved(charged(NUMBERS["timeout"]))
    Payment.objects.update(created_at=timezone.now() - timedelta(days=2))
    return order


def charged_after_it_expired() -> Order:
    """The bank's answer comes a day late."""
    order = silent_for_a_day()
    expire_reservations()
    Payment.objects.update(next_try_at=timezone.now())
    return order


def charged_after_it_was_sold() -> Order:
    """Money was taken for what another got, and is on its way back."""
    order = paid({"MUG": 1})
    Refund.objects.create(
        order=order, payment=order.payments.get(), key=f"{order.pk}/late", amount=1, actor="payments",
        state="due", next_try_at=timezone.now(), created_at=timezone.now(),
    )  # fmt: skip
    return order


def refunded(amount: str) -> Order:
    """Money is to be given back."""
    order = paid({"MUG": 1})
    refund_order(order_id=order.pk, actor="eve", amount=Decimal(amount))
    return order


def refused() -> Order:
    """A refund that the bank does not know the payment of."""
    order = refunded("1")
    Refund.objects.update(amount=10_000)
    return order


def backordered() -> Order:
    """An order that waits for stock, which has come."""
    Level.objects.update(backorders=True)
    handle_orders([order_message(order_id="b", user_id="u", product_ids=["MUG"], quantities=[50], amount=1)])
    adjust(product_id="MUG", change=99, reason="delivery", actor="dock")
    return Order.objects.get(pk="b")


def send_in_vain() -> None:
    """The last try of a mail fails."""
    with mails_fail(OSError("no route")), patch.object(sending, "MAX_TRIES", 1):
        sending.send_due()


def by(service: Callable[..., object], **facts: object) -> Callable[[Order], object]:
    """A step that somebody takes."""
    return lambda order: service(order_id=order.pk, **facts)


def alone(act: Callable[[], object]) -> Callable[[Order], object]:
    """What finds the order by itself."""
    return lambda _order: act()


WAYS: dict[str, tuple[Callable[[], Order], Callable[[Order], object]]] = {
    "paid, among others": (due, alone(charge_due)),
    "paid, alone": (due, lambda order: charge(order.pk)),
    "declined": (lambda: due(DECLINED), alone(charge_due)),
    "to be confirmed": (lambda: due(NUMBERS["confirm"]), alone(charge_due)),
    "paid again": (lambda: charged(DECLINED), by(pay_again, card=APPROVED)),
    "charged late": (charged_after_it_expired, alone(charge_due)),
    "given back what came late": (charged_after_it_was_sold, alone(give_due)),
    "packed": (lambda: paid({"MUG": 1}), by(pack_order, actor="eve")),
    "cancelled": (due, by(cancel_order, actor="eve")),
    "to be refunded": (lambda: paid({"MUG": 1}), by(refund_order, actor="eve")),
    "refunded in part": (lambda: refunded("1"), alone(give_due)),
    "refunded whole": (lambda: refunded("12.5"), alone(give_due)),
    "refund refused": (refused, alone(give_due)),
    "not paid in time": (never_read_back, alone(expire_reservations)),
    "not confirmed in time": (lambda: unreserved(charged(NUMBERS["confirm"])), alone(expire_reservations)),
    "not answered for a day": (silent_for_a_day, alone(expire_reservations)),
    "backorder filled": (backordered, alone(fill_backorders)),
    "mail sent": (lambda: paid({"MUG": 1}), alone(sending.send_due)),
    "mail given up": (lambda: paid({"MUG": 1}), alone(send_in_vain)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_is_open_hears_of_every_change(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 9)
    prepare, act = WAYS[way]
    order = prepare()
    order.refresh_from_db()
    seen, told = page_version(order), set[str]()
    monkeypatch.setattr(news, "tell", told.update)
    act(order)
    order.refresh_from_db()
    assert page_version(order) != seen
    assert told == {order.pk}
