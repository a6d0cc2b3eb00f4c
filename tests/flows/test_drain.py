"""What waits in the inbox is processed in order, once, and one bad message stops no other."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Order
from shopsite.catalogue.models import Product
from shopsite.events.deadletters import ORIGIN_HEADER, REASON_HEADER
from shopsite.events.drain import BATCH, FEW, TRIES, _lock, drain, overdue, still_due
from shopsite.events.inbox import Received, Route
from shopsite.events.models import InboxEvent, InboxState, OutboxEvent
from shopsite.events.schemas import PoisonEvent, StockChanged, Unavailable, read_stock
from shopsite.events.trim import trim_inbox, trim_outbox
from shopsite.fulfilment import foreign
from shopsite.pipeline import ROUTES
from tests.support.shop import stock_is_sound

pytestmark = pytest.mark.django_db(transaction=True)


class Ledger:
    """A handler that writes a product for each message, and fails where it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failures: dict[int, Exception] = {}

    def __call__(self, batch: Sequence[Received]) -> None:
        self.batches.append([item.offset for item in batch])
        for item in batch:
            Product.objects.create(sku=f"{item.offset}", title=item.key)
            if item.offset in self.failures:
                raise self.failures[item.offset]

    @property
    def written(self) -> list[int]:
        return sorted(int(sku) for sku in Product.objects.values_list("sku", flat=True))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def route(handle: Callable[[Sequence[Received]], None]) -> Route:
    return Route("inventory", read_stock, lambda _value, _headers: True, lambda _event: "", handle)


def arrive(*keys: str, value: bytes | None = None, partition: int = 0, first: int = 0) -> None:
    """A row for each key, at offsets 0, 1, 2 ..., or from `first` on."""
    good = b'{"product_id": "x", "quantity_change": 1, "timestamp": "2024-06-18T12:36:56Z"}'
    InboxEvent.objects.bulk_create(
        InboxEvent(
            topic="inventory",
            partition=partition,
            offset=offset,
            key=key,
            event_id=f"e{offset}",
            value=value or good,
        )
        for offset, key in enumerate(keys, first)
    )


def settled(route: Route) -> int:
    """Drain partition 0, which nobody else holds; how many rows need no more processing."""
    drained = drain(route, 0)
    assert drained is not None
    return drained.settled


def states() -> list[str]:
    return list(InboxEvent.objects.order_by("offset").values_list("state", flat=True))


def pass_time() -> None:
    """What waits for another try is due."""
    InboxEvent.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_batch_is_handled_once_in_the_order_of_its_offsets(ledger: Ledger) -> None:
    arrive(*"abcab")
    assert settled(route(ledger)) == 5
    assert settled(route(ledger)) == 0
    assert ledger.batches == [[0, 1, 2, 3, 4]]
    assert states() == [InboxState.DONE] * 5


def test_effects_and_done_are_one_transaction(ledger: Ledger) -> None:
    arrive(*"abc")
    ledger.failures[2] = OperationalError("the connection is gone")
    with pytest.raises(OperationalError):
        drain(route(ledger), 0)
    assert ledger.written == []
    assert states() == [InboxState.WAITING] * 3


def test_a_bad_row_stops_only_the_later_rows_of_its_key(ledger: Ledger) -> None:
    arrive(*"abcabc")
    ledger.failures[1] = RuntimeError("cannot")
    assert settled(route(ledger)) == 4
    assert ledger.written == [0, 2, 3, 5]
    row = InboxEvent.objects.get(offset=1)
    assert (row.state, row.attempts, row.error) == (InboxState.WAITING, 1, "RuntimeError: cannot")
    assert row.due_at is not None and row.due_at > timezone.now()
    assert overdue() == [("inventory", 0)]  # offset 4 waits for offset 1; the sweep asks, and nothing is due
    assert settled(route(ledger)) == 0


def test_after_five_failures_alone_it_is_a_dead_letter_and_its_key_goes_on(ledger: Ledger) -> None:
    arrive(*"aba")
    ledger.failures[0] = RuntimeError("cannot")
    for _ in range(TRIES):
        drain(route(ledger), 0)
        pass_time()
    drain(route(ledger), 0)
    assert states() == [InboxState.DEAD, InboxState.DONE, InboxState.DONE]
    dead = OutboxEvent.objects.get()
    assert (dead.topic, dead.own) == ("inventory.dlq", False)
    assert dead.headers[ORIGIN_HEADER] == "inventory:0:0"
    assert dead.headers[REASON_HEADER] == "failed 5 times: RuntimeError: cannot"


def test_a_row_that_recovers_is_done(ledger: Ledger) -> None:
    arrive(*"aa")
    ledger.failures[0] = RuntimeError("cannot")
    drain(route(ledger), 0)
    ledger.failures.clear()
    pass_time()
    assert settled(route(ledger)) == 2
    assert states() == [InboxState.DONE] * 2
    assert InboxEvent.objects.get(offset=0).error == ""


def test_poison_is_a_dead_letter_at_once(ledger: Ledger) -> None:
    arrive(*"ab")
    ledger.failures[0] = PoisonEvent("such orders cannot be")
    drain(route(ledger), 0)
    assert states() == [InboxState.DEAD, InboxState.DONE]
    assert OutboxEvent.objects.get().headers[REASON_HEADER] == "such orders cannot be"


def test_what_is_unavailable_is_waited_for_without_end(ledger: Ledger) -> None:
    arrive(*"a")
    ledger.failures[0] = Unavailable("the stock service sleeps")
    for _ in range(TRIES + 2):
        drain(route(ledger), 0)
        pass_time()
    assert states() == [InboxState.WAITING]


def test_one_bad_row_of_many_costs_few_more_calls(ledger: Ledger) -> None:
    arrive(*(str(number) for number in range(256)))
    ledger.failures[200] = RuntimeError("cannot")
    assert settled(route(ledger)) == 255
    assert len(ledger.batches) <= 20


def test_what_newer_code_does_not_read_any_more_is_a_dead_letter(ledger: Ledger) -> None:
    arrive("a", value=b"{}")
    drain(route(ledger), 0)
    assert states() == [InboxState.DEAD]
    assert "product_id" in OutboxEvent.objects.get().headers[REASON_HEADER]


def test_a_worker_killed_in_the_middle_leaves_the_batch_as_it_was(ledger: Ledger) -> None:
    arrive(*"ab")

    def killed(batch: Sequence[Received]) -> None:
        ledger(batch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(route(killed), 0)
    assert ledger.written == []
    assert settled(route(ledger)) == 2


def test_settled_rows_are_deleted_after_their_days(ledger: Ledger) -> None:
    arrive(*"abc")
    drain(route(ledger), 0)
    long_ago = timezone.now() - timedelta(days=8)
    InboxEvent.objects.filter(offset=0).update(done_at=long_ago)
    with transaction.atomic():
        for published in (long_ago, timezone.now(), None):
            OutboxEvent.objects.create(topic="orders", key="k", event_id="e", published_at=published)
    assert (trim_inbox(), trim_outbox()) == (1, 1)
    assert (InboxEvent.objects.count(), OutboxEvent.objects.count()) == (2, 2)


def orders_arrive(count: int, *, poison: int = -1, start: int = 0) -> None:
    """Orders that were paid elsewhere; the one at `poison` wants more than can be told of a product."""
    messages = [
        {
            "order_id": f"o{number}",
            "user_id": "u",
            "product_ids": [f"p{number % 7}"] * 2,
            "quantities": [1_000_000] * 2 if number == poison else [1, 1],
            "amount": 5,
            "status": "paid",
            "timestamp": "2024-06-18T12:36:56Z",
        }
        for number in range(start, start + count)
    ]
    InboxEvent.objects.bulk_create(
        InboxEvent(
            topic="orders",
            partition=0,
            offset=start + place,
            key=str(message["order_id"]),
            event_id=f"e{start + place}",
            value=msgspec.json.encode(message),
        )
        for place, message in enumerate(messages)
    )


def test_one_order_at_fault_in_a_batch_of_500_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MAX_UNITS", 1_000_000)
    orders_arrive(BATCH, poison=250)
    assert settled(ROUTES["orders"]) == BATCH  # it is settled, too: as a dead letter
    assert Order.objects.filter(status="paid").count() == BATCH - 1
    assert InboxEvent.objects.exclude(state=InboxState.DONE).get().key == "o250"
    assert OutboxEvent.objects.get(topic="orders.dlq").headers[ORIGIN_HEADER] == "orders:0:250"
    assert stock_is_sound()


def test_a_message_that_nobody_can_read_is_found_without_trying_the_others_twice(ledger: Ledger) -> None:
    arrive(*"abcd")
    InboxEvent.objects.filter(offset=2).update(value=b"{}")
    assert settled(route(ledger)) == 4
    assert ledger.batches == [[0, 1, 3]]


def test_a_row_that_cannot_be_read_for_now_waits_behind_those_of_its_key(ledger: Ledger) -> None:
    arrive(*"aab")

    def read(value: bytes | None, *, origin: str, now: datetime) -> StockChanged:
        if origin == "e1":
            raise RuntimeError("not now")
        return read_stock(value, origin=origin, now=now)

    drain(Route("inventory", read, lambda _value, _headers: True, lambda _event: "", ledger), 0)
    assert ledger.written == [0, 2]
    assert states() == [InboxState.DONE, InboxState.WAITING, InboxState.DONE]


def test_a_larger_batch_takes_no_more_queries() -> None:
    counts = []
    for number, size in enumerate((20, 400)):
        orders_arrive(size, start=number * 1_000)
        with CaptureQueriesContext(connection) as queries:
            assert settled(ROUTES["orders"]) == size
        counts.append(len(queries))
    assert counts[1] <= counts[0]  # the first had the products to make
    assert counts[1] < 40


def test_few_rows_of_several_partitions_are_one_batch(ledger: Ledger) -> None:
    arrive("a", "b")
    arrive("c", partition=2, first=20)
    arrive("d", "e", partition=1, first=10)
    ledger.failures[20] = ValueError("not now")
    assert drain(route(ledger), 0) == (4, frozenset({0, 1, 2}))
    assert ledger.batches[0] == [0, 1, 10, 11, 20]
    assert ledger.written == [0, 1, 10, 11]
    assert still_due("inventory", [0, 1, 2]) == []  # it rests, and so calls nobody
    pass_time()
    assert still_due("inventory", [0, 1, 2]) == [2]
    assert still_due("inventory", [0, 1]) == []


def test_of_a_partition_with_many_rows_its_own_worker_takes_the_rest(ledger: Ledger) -> None:
    arrive("a")
    arrive(*(["b"] * (FEW + 1)), partition=1, first=10)
    assert drain(route(ledger), 0) == (1 + FEW, frozenset({0, 1, 2}))
    assert still_due("inventory", [0, 1, 2]) == [1]
    assert drain(route(ledger), 1) == (1, frozenset({0, 1, 2}))


def test_who_has_enough_rows_leaves_the_other_partitions_alone(ledger: Ledger) -> None:
    arrive(*(["a"] * FEW))
    arrive("b", partition=1, first=FEW)
    assert drain(route(ledger), 0) == (FEW, frozenset({0}))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
def test_a_partition_that_somebody_drains_is_not_taken_along(ledger: Ledger) -> None:
    arrive("a")
    arrive("b", partition=1, first=1)

    def elsewhere() -> None:
        assert drain(route(ledger), 0) == (1, frozenset({0, 2}))
        connections.close_all()

    with transaction.atomic():
        assert _lock("inventory", 1)
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
    assert ledger.written == [0]
