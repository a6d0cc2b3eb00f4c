"""One slow card holds nobody up: the others are paid while it is still being asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from orders import payments
from orders.models import Order
from orders.payments.gateway import Standing
from orders.payments.simulated import SimulatedGateway
from shopsite.fulfilment import asking, charge_due
from tests.support import until
from tests.support.shop import level, place, product, read_back, stock_is_sound

pytestmark = pytest.mark.django_db(transaction=True)


class SlowForOne(SimulatedGateway):
    """The gateway, which thinks about one payment until the test has seen enough."""

    def __init__(self) -> None:
        self.slow_key = ""
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def authorise(self, *, key: str, **call: Any) -> Standing:
        if key == self.slow_key:
            self.is_asked.set()
            assert self.may_answer.wait(60)
        return super().authorise(key=key, **call)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowForOne]:
    """A bank with one slow card, and few places: the others go through in several turns."""
    bank = SlowForOne()
    monkeypatch.setattr(payments, "gateway", lambda: bank)
    monkeypatch.setattr(asking, "AT_ONCE", 3)
    yield bank
    bank.may_answer.set()


@contextmanager
def worker() -> Iterator[None]:
    """Another thread that charges whatever is due, until all of it is answered."""

    def work() -> None:
        charge_due()
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()


def ordered() -> Order:
    order = place({"MUG": 1})
    read_back(order)
    return order


def status(order: Order) -> str:
    return Order.objects.values_list("status", flat=True).get(pk=order.pk)


def test_others_are_paid_while_a_slow_card_is_asked_for_and_so_are_those_who_come_later(
    slow: SlowForOne,
) -> None:
    product("MUG", 20)
    late = ordered()
    slow.slow_key = late.pk
    others = [ordered() for _ in range(6)]
    with worker():
        assert slow.is_asked.wait(60)
        until(lambda: all(status(order) == "paid" for order in others), within=60)
        newcomer = ordered()
        assert charge_due() == 0  # another thread is at it: it is left word
        until(lambda: status(newcomer) == "paid", within=60)
        assert status(late) == "placed"
        slow.may_answer.set()
    assert status(late) == "paid"
    assert level("MUG") == (12, 0)
    assert stock_is_sound()
