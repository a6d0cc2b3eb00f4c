"""Laws of what happened: each move is allowed and told once, each mail tells of something."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from orders.models import Order, Refund
from orders.states import EVENT_TYPES, NEW, TABLE, Status
from tests.support.laws.books import Books

OTHERS = "other system"  # whose orders may begin with several moves
MAILED = {
    Status.PAID: "confirmation",
    Status.PAYMENT_FAILED: "payment_failed",
    Status.SHIPPED: "shipped",
    Status.CANCELLED: "cancelled",
    Status.REJECTED: "rejected",
}
Happenings = Counter[tuple[str, str]]  # order, name of what happened


def every_move_is_in_the_table_and_follows_the_one_before(books: Books) -> Iterator[str]:
    """A history starts at the beginning, has no gap, and ends where the order stands."""
    stands = dict.fromkeys(books.orders, NEW)
    for move in books.history:
        if move.from_status != stands[move.order_id] or move.to_status not in TABLE[move.from_status]:
            yield f"{move} after {stands[move.order_id] or 'nothing'}"
        stands[move.order_id] = move.to_status
    for name, order in books.orders.items():
        if order.status != stands[name]:
            yield f"{name} is {order.status}, its history ends with {stands[name]}"


def every_move_is_told_once(books: Books) -> Iterator[str]:
    """The orders topic gets one event a move that has a name there, and one a refund; each id once."""
    told: Happenings = Counter()
    ids: Counter[str] = Counter()
    for row in books.told:
        if row.topic == "orders":
            event = msgspec.json.decode(row.value)
            told[event["order_id"], event.get("type", "order_placed")] += 1
            ids[row.event_id] += 1
    yield from _differences(told, _events_due(books), "told")
    yield from (f"{event_id} was told {times} times" for event_id, times in ids.items() if times > 1)


def every_row_of_our_ledger_is_told_once(books: Books) -> Iterator[str]:
    """The inventory topic gets each stock change that we made, under its id, and nothing else."""
    ours = Counter(row.event_id for row in books.ledger if row.origin is None)
    told = Counter(row.event_id for row in books.told if row.topic == "inventory")
    for event_id in sorted((ours - told) + (told - ours)):
        yield f"{event_id}: {ours[event_id]} rows, {told[event_id]} events"


def each_mail_tells_of_something_that_happened(books: Books) -> Iterator[str]:
    """One mail a kind, and as many of a kind as there were such moves or refunds."""
    written: Happenings = Counter()
    for mail, count in Counter(books.mails).items():
        if count > 1:
            yield f"{mail.order_id} was written {mail.kind} {count} times"
        written[mail.order_id, mail.kind.partition("-")[0]] += count
    happened: Happenings = Counter()
    for move in books.history:
        # out of refund_pending an order goes back to where it stood: that is no news
        is_news = move.from_status != Status.REFUND_PENDING and not books.orders[move.order_id].elsewhere
        if is_news and (kind := MAILED.get(Status(move.to_status))):
            happened[move.order_id, kind] += 1
        if move.from_status == Status.BACKORDERED and move.to_status == Status.PLACED:
            happened[move.order_id, "backorder_filled"] += 1
    happened.update((row.order_id, "refunded") for row in books.refunds if row.state == Refund.State.DONE)
    yield from _differences(written, happened, "written")


def _events_due(books: Books) -> Happenings:
    due: Happenings = Counter()
    for move in books.history:
        first = move.from_status == NEW
        if first and books.orders[move.order_id].source == Order.Source.SHOP:
            due[move.order_id, "order_placed"] += 1
        elif move.from_status == Status.REFUND_PENDING or (move.actor == OTHERS and not first):
            continue  # refunds follow below; what others did is one event in all
        elif name := EVENT_TYPES.get(move.to_status):
            due[move.order_id, name] += 1
    for refund in books.refunds:
        if refund.state == Refund.State.DONE and refund.back_to:
            due[refund.order_id, "order_refunded"] += 1
    return due


def _differences(found: Happenings, happened: Happenings, done: str) -> Iterator[str]:
    for key in sorted((found - happened) + (happened - found)):
        yield f"{key} happened {happened[key]} times and was {done} {found[key]} times"
