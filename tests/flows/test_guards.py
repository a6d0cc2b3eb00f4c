"""Every guard is needed: its scenario comes out right with it, and wrong with it switched off.

One row a guard: what it is, how to switch it off, and the scenario, which fails where a promise breaks.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F, Model
from django.utils import timezone

from inventory.models import Level, Movement, Reservation
from inventory.services import Move, post, reserve
from orders import letters, mails, payments, sending
from orders.models import Mail, Order, Payment, PaymentWebhook, Refund
from orders.payments.gateway import Known, Standing
from orders.payments.simulated import SimulatedGateway
from orders.services import MovedMeanwhile, get, step
from orders.states import Status
from shopsite import bulk
from shopsite.events import consume, drain
from shopsite.events.consume import Intake, advance
from shopsite.events.inbox import Received, Route
from shopsite.events.models import InboxEvent, StoredOffset
from shopsite.events.schemas import read_stock
from shopsite.fulfilment import InvalidRefund, OutOfStock, charge, refund_order, webhooks
from shopsite.fulfilment.place import keep_until
from shopsite.fulfilment.webhooks import receive_webhook
from tests.support.bank import bank
from tests.support.guards import without_condition, without_constraint
from tests.support.laws import breaches
from tests.support.mails import mails_go_to
from tests.support.moody_bank import AT_ONCE, MoodyBank
from tests.support.order_machine import charge_now, give_refunds_now, signed, webhook_of
from tests.support.shop import level, paid, place, product, read_back

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Guard:
    """One row of the table."""

    name: str
    off: Callable[[], AbstractContextManager[object]]
    scenario: Callable[[], None]


# --- scenarios --------------------------------------------------------------------------------
def two_buy_the_last_one() -> None:
    product("MUG", 1)
    for _ in range(2):
        with suppress(OutOfStock):
            place({"MUG": 1})
    assert Order.objects.count() == 1
    assert breaches() == []


def two_move_an_order_at_once() -> None:
    product("MUG", 1)
    order = paid({"MUG": 1})
    mine, theirs = get(order.pk), get(order.pk)
    step(theirs, Status.PACKED, actor="eve")
    with suppress(MovedMeanwhile):
        step(mine, Status.PACKED, actor="bob")
    assert breaches() == []


def one_order_is_reserved_twice() -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    refused(lambda: reserve(order_id=order.pk, quantities={"MUG": 1}, until=keep_until()))
    assert level("MUG") == (5, 1)


def one_stock_event_is_posted_twice() -> None:
    product("MUG", 5)
    fact = Move("e1", "MUG", 3, "delivery", "dock", timezone.now(), origin="inventory:0:0")
    post([fact], tell=False)
    refused(lambda: post([fact], tell=False))
    assert level("MUG") == (8, 0)


def two_workers_find_one_charge() -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    read_back(order)
    with asking(lambda: charge(order.pk)):
        charge(order.pk)
    assert Payment.objects.get().tries == 1


def both_workers_get_an_answer() -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    read_back(order)
    with asking(lambda: charge_now(order.pk)):  # the first is thought dead: its lease is over
        charge(order.pk)
    assert sum(taken.captured for taken in bank().values()) == order.amount
    assert breaches() == []


def both_give_one_refund() -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("5.00"))
    with asking(give_refunds_now):
        give_refunds_now()
    order.refresh_from_db()
    assert order.refunded == Decimal("5.00")
    assert breaches() == []


def more_than_was_paid_is_asked_back() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    with suppress(InvalidRefund):
        refund_order(order_id=order.pk, actor="eve", amount=order.amount + 1)
    assert not Refund.objects.exists()


def somebody_forges_a_webhook() -> None:
    product("MUG", 5)
    body = webhook_of(place({"MUG": 1}).pk)
    receive_webhook(body, {"Gateway-Signature": signed(body, "guessed")})
    assert not accepted_webhooks()


def somebody_sends_an_old_webhook_again() -> None:
    product("MUG", 5)
    body = webhook_of(place({"MUG": 1}).pk)
    receive_webhook(body, {"Gateway-Signature": signed(body, ago=3600)})
    assert not accepted_webhooks()


def a_webhook_comes_twice() -> None:
    product("MUG", 5)
    body = webhook_of(place({"MUG": 1}).pk)
    for _ in range(2):
        receive_webhook(body, {"Gateway-Signature": signed(body)})
    assert accepted_webhooks() == 1


def two_workers_write_one_mail() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    with patch("orders.mails._written", lambda *_: []):  # the other's transaction has not committed yet
        mails.write(order, letters.CONFIRMATION)
    assert Mail.objects.count() == 1


def two_workers_send_one_mail() -> None:
    product("MUG", 5)
    paid({"MUG": 1})
    sent: list[str] = []

    def take(message: EmailMessage) -> None:
        sent.append(str(message.subject))
        if len(sent) == 1:
            sending.send_due()  # the other worker, while this one speaks with the server

    with mails_go_to(take):
        sending.send_due()
    assert len(sent) == 1


def a_topic_is_read_again_from_its_start() -> None:
    for _ in range(2):
        consume._keep(Intake(rows=[in_inbox(offset) for offset in range(3)]))
    assert InboxEvent.objects.count() == 3


def two_consumers_have_one_row() -> None:
    with patch.object(consume, "_unknown", lambda rows: rows):  # neither saw the other's
        for _ in range(2):
            refused(lambda: consume._keep(Intake(rows=[in_inbox(0)])))
    assert InboxEvent.objects.count() == 1


def two_consumers_write_one_batch() -> None:
    StoredOffset.objects.create(group=consume.GROUP, topic="inventory", partition=0, next_offset=0)
    written = [advance("inventory", 0, 0, 3) for _ in range(2)]
    assert written == [True, False]


def two_workers_drain_one_partition() -> None:
    handled: list[int] = []
    consume._keep(Intake(rows=[in_inbox(0)]))

    def handle(batch: Sequence[Received]) -> None:
        handled.append(len(batch))
        if len(handled) == 1:
            drain_in_a_thread(route)

    route = Route("inventory", read_stock, lambda _value, _headers: True, lambda _event: "", handle)
    drain.drain(route, 0)
    assert handled == [1]


# --- what scenarios need ------------------------------------------------------------------------
def refused(write: Callable[[], object]) -> None:
    """Do it, or nothing where the database refuses."""
    with suppress(IntegrityError), transaction.atomic():
        write()


def accepted_webhooks() -> int:
    return PaymentWebhook.objects.filter(verdict=PaymentWebhook.Verdict.ACCEPTED).count()


@contextmanager
def asking(others: Callable[[], object]) -> Iterator[None]:
    """While the bank is asked, others act, once."""
    moody = MoodyBank()
    with patch.object(payments, "gateway", lambda: moody), moody.mood(AT_ONCE, others):
        yield


def in_inbox(offset: int) -> consume.InboxRow:
    value = b'{"product_id": "MUG", "quantity_change": 1, "timestamp": "2024-06-18T12:36:56Z"}'
    return "inventory", 0, offset, "MUG", f"e{offset}", value, timezone.now()


def drain_in_a_thread(route: Route) -> None:
    """Another worker's turn, to its end."""

    def work() -> None:
        drain.drain(route, 0)
        connections.close_all()

    other = threading.Thread(target=work)
    other.start()
    other.join()


# --- how to switch guards off -------------------------------------------------------------------
def reserving_whatever_is_there() -> AbstractContextManager[object]:
    def take(quantities: Mapping[str, int]) -> int:
        return sum(
            Level.objects.filter(product_id=sku).update(reserved=F("reserved") + count)
            for sku, count in quantities.items()
        )

    return patch("inventory.services._take", take)


def a_new_key_for_each_call() -> AbstractContextManager[object]:
    authorise_as_ever, capture_as_ever = SimulatedGateway.authorise, SimulatedGateway.capture

    def authorise_anew(bank: SimulatedGateway, *, key: str, **call: Any) -> Standing:
        newest = f"{key}-{uuid4().hex}"
        authorise_as_ever(bank, key=newest, **call)
        return capture_as_ever(bank, payment=Known(newest), key=newest)

    return patch.object(SimulatedGateway, "authorise", authorise_anew)


@contextmanager
def writing_whatever_is_answered() -> Iterator[None]:
    def amend(
        model: type[Model],
        columns: Sequence[str],
        rows: Sequence[bulk.Row],
        *,
        by: Sequence[str] = (),
        where: object = None,
    ) -> int:
        return as_ever(model, columns, rows, by=by)

    as_ever = bulk.amend
    with patch.object(bulk, "amend", amend), patch("shopsite.fulfilment.answers._close", lambda *_: True):
        yield


def any_refund() -> AbstractContextManager[object]:
    return patch("shopsite.fulfilment.refund._part", lambda _order, _payment, amount: amount)


GUARDS = (
    Guard("stock: reserve only where enough is there", reserving_whatever_is_there, two_buy_the_last_one),
    Guard(
        "stock: one reservation of a product an order",
        partial(without_constraint, Reservation, "one_reservation_a_product"),
        one_order_is_reserved_twice,
    ),
    Guard(
        "stock: one row of the ledger an event",
        partial(without_constraint, Movement, "ledger_event_once"),
        one_stock_event_is_posted_twice,
    ),
    Guard(
        "order: move only from where it stood",
        partial(without_condition, Order, "status"),
        two_move_an_order_at_once,
    ),
    Guard(
        "payment: ask only with the lease",
        partial(without_condition, Payment, "next_try_at", "next_try_at__lte"),
        two_workers_find_one_charge,
    ),
    Guard("payment: one key", a_new_key_for_each_call, both_workers_get_an_answer),
    Guard(
        "payment: settle only what is due",
        writing_whatever_is_answered,
        both_workers_get_an_answer,
    ),
    Guard(
        "refund: settle only what is due", partial(without_condition, Refund, "state"), both_give_one_refund
    ),
    Guard("refund: never above what was paid", any_refund, more_than_was_paid_is_asked_back),
    Guard(
        "webhook: signed by the gateway",
        lambda: patch.object(webhooks, "signed_at", lambda *_, **__: timezone.now()),
        somebody_forges_a_webhook,
    ),
    Guard(
        "webhook: signed just now",
        lambda: patch.object(webhooks, "check_age"),
        somebody_sends_an_old_webhook_again,
    ),
    Guard(
        "webhook: an event once",
        partial(without_constraint, PaymentWebhook, "one_webhook_an_event"),
        a_webhook_comes_twice,
    ),
    Guard(
        "mail: one an order and kind",
        partial(without_constraint, Mail, "one_mail_a_kind"),
        two_workers_write_one_mail,
    ),
    Guard(
        "mail: send only with the lease",
        partial(without_condition, Mail, "next_try_at__lte"),
        two_workers_send_one_mail,
    ),
    Guard(
        "inbox: leave out what is known",
        lambda: patch.object(consume, "_unknown", lambda rows: rows),
        a_topic_is_read_again_from_its_start,
    ),
    Guard(
        "inbox: one row a place in the log",
        partial(without_constraint, InboxEvent, "inbox_position"),
        two_consumers_have_one_row,
    ),
    Guard(
        "inbox: move the stored offset only from where the batch begins",
        partial(without_condition, StoredOffset, "next_offset"),
        two_consumers_write_one_batch,
    ),
    Guard(
        "drain: one worker a partition",
        lambda: patch("shopsite.events.drain._lock", lambda *_: True),
        two_workers_drain_one_partition,
    ),
)


@pytest.fixture(params=GUARDS, ids=[guard.name for guard in GUARDS])
def guard(request: pytest.FixtureRequest) -> Guard:
    row: Guard = request.param
    if row.name.startswith("drain") and connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: its lock is the file's")
    return row


def test_with_its_guard_the_scenario_comes_out_right(guard: Guard) -> None:
    guard.scenario()


def test_without_its_guard_the_same_scenario_goes_wrong(guard: Guard) -> None:
    with guard.off(), pytest.raises((AssertionError, IntegrityError)):
        guard.scenario()
