"""What a drain makes due is leased by the drain's own transaction, and charged by its thread."""

import pytest
from django.db import transaction
from django.utils import timezone
from redis import Redis

from inventory.models import Reservation
from inventory.services import StockMoved, reserve_many
from orders.models import Order, Payment, PaymentCall
from shopsite import pipeline, tasks
from shopsite.events.drain import Drained
from shopsite.events.inbox import Received
from shopsite.events.models import OutboxEvent
from shopsite.fulfilment import asking, charge, charging, foreign, handle_orders, wake
from shopsite.fulfilment.asking import Question, inquiries
from shopsite.fulfilment.leases import lease as lease_due
from tests.support.gateway import Bank
from tests.support.laws import breaches
from tests.support.messages import from_outbox, order_message
from tests.support.shop import level, place, product

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def called(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Celery would be called for."""
    found: list[str] = []
    monkeypatch.setattr(wake, "_quiet_until", 0.0)  # whatever Redis was to the tests before
    monkeypatch.setattr("celery.current_app.send_task", lambda name, **_options: found.append(name))
    return found


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many payments each lease of its own took."""
    found: list[int] = []

    def lease(limit: int) -> list[Question]:
        taken = lease_due(limit)
        found.append(len(taken))
        return taken

    monkeypatch.setattr(charging, "lease", lease)
    return found


def drain(monkeypatch: pytest.MonkeyPatch, *messages: Received) -> None:
    """The task, with these messages in the inbox."""

    def in_one_transaction(_topic: str, _partition: int) -> Drained:
        with transaction.atomic():
            handle_orders(messages)
        return Drained(len(messages), frozenset({0}))

    monkeypatch.setattr(pipeline, "drain", in_one_transaction)
    monkeypatch.setattr(pipeline, "still_to_drain", lambda *_: [])
    tasks.drain("orders", 0)


def orders_of_others(count: int) -> list[Received]:
    return [
        order_message(order_id=f"other-{number}", user_id="u", product_ids=["MUG"], amount=3)
        for number in range(count)
    ]


def statuses() -> list[str]:
    return list(Order.objects.order_by("pk").values_list("status", flat=True))


def test_orders_of_ours_and_of_others_are_charged_without_another_lease(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, leases: list[int], called: list[str]
) -> None:
    product("MUG", 9)
    ours = place({"MUG": 2})
    message = from_outbox(OutboxEvent.objects.get(topic="orders"))
    drain(monkeypatch, *orders_of_others(3), message)
    assert statuses() == ["paid"] * 4
    assert leases == []
    assert "shopsite.tasks.charge_due" not in called
    assert [bank.asked(key, "authorise") for key in (ours.pk, "other-0", "other-1", "other-2")] == [1] * 4
    assert level("MUG") == (4, 0)
    assert breaches() == []


def test_what_finds_no_room_is_leased_afterwards(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, leases: list[int]
) -> None:
    monkeypatch.setattr(asking, "AT_ONCE", 2)
    product("MUG", 9)
    drain(monkeypatch, *orders_of_others(5))
    assert statuses() == ["paid"] * 5
    assert sum(leases) == 3
    assert inquiries.room == 2
    assert breaches() == []


def test_of_what_was_rolled_back_nobody_asks(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, leases: list[int]
) -> None:
    """A shopper was faster: all is decided anew, after the leases were written."""
    asked: list[int] = []
    tries = iter([StockMoved("MUG")])
    ask = inquiries.ask

    def late(*args: object, **more: object) -> None:
        for error in tries:
            raise error
        reserve_many(*args, **more)  # type: ignore[arg-type]

    def note(questions: list[Question]) -> None:
        asked.append(len(questions))
        ask(questions)

    monkeypatch.setattr(foreign, "reserve_many", late)
    monkeypatch.setattr(inquiries, "ask", note)
    product("MUG", 9)
    drain(monkeypatch, *orders_of_others(2))
    assert asked == [2]
    assert statuses() == ["paid"] * 2
    assert PaymentCall.objects.filter(kind="authorise").count() == 2
    assert breaches() == []


def test_who_dies_before_it_asks_leaves_one_charge_to_whoever_comes_when_its_lease_is_over(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    product("MUG", 9)
    with monkeypatch.context() as dead:
        dead.setattr(inquiries, "ask", lambda _questions: None)
        drain(monkeypatch, *orders_of_others(1))
    charge("other-0")
    assert statuses() == ["placed"]  # the lease of the dead one still runs
    assert bank.asked("other-0", "authorise") == 0
    payment = Payment.objects.get()
    assert payment.next_try_at
    assert Reservation.objects.get().expires_at > payment.next_try_at
    Payment.objects.update(next_try_at=timezone.now())
    charge("other-0")
    assert statuses() == ["paid"]
    assert bank.asked("other-0", "authorise") == 1
    assert breaches() == []


def test_a_drain_that_fails_has_charged_what_it_had_made_due(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_later(_topic: str, _partition: int) -> Drained:
        with transaction.atomic():
            handle_orders(orders_of_others(1))
        raise RuntimeError("of the next batch")

    monkeypatch.setattr(pipeline, "drain", fails_later)
    product("MUG", 9)
    with pytest.raises(RuntimeError, match="of the next batch"):
        tasks.drain("orders", 0)
    assert statuses() == ["paid"]


def test_who_drains_without_charging_leaves_it_to_whoever_is_called(bank: Bank, called: list[str]) -> None:
    product("MUG", 9)
    handle_orders(orders_of_others(1))
    assert statuses() == ["placed"]
    assert called == ["shopsite.tasks.charge_due"]
    assert Payment.objects.get().asked_at is None
