"""Every write of stock. fulfilment, admin, seed -> here -> Level, Movement, Reservation, outbox.

All of it runs in the caller's transaction. Levels are changed last and in product order: last, so
that a hot product is locked for the shortest time; in order, so that two orders never wait for each other.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from inventory.models import Level, Movement, Reservation
from shopsite import bulk
from shopsite.catalogue.services import ensure_products
from shopsite.events.outbox import publish_many
from shopsite.events.schemas import StockChanged
from shopsite.naming import event_name
from shopsite.prepared import Prepared, PreparedUpdate, Slot

SALE, RETURN = "sale", "return"


@dataclass(frozen=True)
class Shortfall:
    """A product of which less is there than was wanted."""

    product_id: str
    wanted: int
    available: int


class OutOfStock(Exception):
    """Not everything is there: tell the shopper what is short; nothing was reserved."""

    def __init__(self, shortfalls: Sequence[Shortfall]) -> None:
        super().__init__(
            "; ".join(
                f"{short.product_id}: {short.wanted} wanted, {short.available} left" for short in shortfalls
            )
        )
        self.shortfalls = list(shortfalls)


class StockMoved(Exception):
    """Stock changed between the look and the write: roll back and do it again, with locks."""


class Move(NamedTuple):
    """A row of the ledger to be written; `origin` (topic:partition:offset) where others told us."""

    event_id: str
    product_id: str
    change: int
    reason: str
    actor: str
    at: datetime
    order_id: str = ""
    origin: str | None = None


class Stand(NamedTuple):
    """A product as a batch of orders looks at it before it reserves."""

    title: str
    on_hand: int
    reserved: int
    tracked: bool
    backorders: bool


def look(skus: Iterable[str], *, lock: bool = False) -> dict[str, Stand]:
    """Title and stock of products by sku; a product or level that is not there yet is made.

    lock: hold the levels until the transaction ends, taken in product order.
    """
    wanted = set(skus)
    if missing := wanted - (found := _stands(wanted, lock=lock)).keys():
        ensure_products(missing)
        ensure_levels(missing)
        found = _stands(wanted, lock=lock)
    return found


def _stands(skus: Collection[str], *, lock: bool) -> dict[str, Stand]:
    rows = (_levels_locked if lock else _levels)(skus=list(skus))
    return {sku: Stand(*rest) for sku, *rest in rows}


def _of_skus() -> QuerySet[Level]:
    return Level.objects.filter(pk__any_of=Slot("skus")).order_by("pk")


STAND: Final = ("pk", "product__title", *Stand._fields[1:])
_levels = Prepared(lambda: _of_skus().values_list(*STAND))
_levels_locked = Prepared(lambda: _of_skus().select_for_update(of=("self",)).values_list(*STAND))


def ensure_levels(skus: Iterable[str]) -> None:
    """Make an untracked level for every product that has none yet; the products must exist."""
    wanted = set(skus)
    known = set(Level.objects.filter(product_id__any_of=wanted).values_list("product_id", flat=True))
    missing = sorted(wanted - known)
    if missing:
        Level.objects.bulk_create([Level(product_id=sku) for sku in missing], ignore_conflicts=True)


def reserve(*, order_id: str, quantities: Mapping[str, int], until: datetime) -> None:
    """Keep units for an order until it is paid. Raises OutOfStock; the caller rolls back.

    quantities: units by product, duplicates summed already.
    """
    _write_reservations({order_id: quantities}, until)
    if _take(quantities) == len(quantities):
        return
    short = shortfalls(quantities)
    known = Level.objects.filter(product_id__in=quantities).values_list("product_id", flat=True)
    new = {sku: quantities[sku] for sku in quantities.keys() - known}  # nobody has told a stock of these yet
    if short or not new:
        raise OutOfStock(short)
    ensure_levels(new)
    if _take(new) < len(new):
        raise OutOfStock(shortfalls(quantities))


def _take(quantities: Mapping[str, int]) -> int:
    """Reserve units of products; of how many products there was enough."""
    return _change({sku: (0, count) for sku, count in quantities.items()}, only_if_enough=True)


def _write_reservations(wanted: Mapping[str, Mapping[str, int]], until: datetime) -> None:
    bulk.insert(
        Reservation,
        ("order_id", "product_id", "quantity", "state", "expires_at"),
        [
            (order_id, sku, count, Reservation.State.OPEN.value, until)
            for order_id, quantities in wanted.items()
            for sku, count in quantities.items()
        ],
    )


def reserve_again(*, order_id: str, quantities: Mapping[str, int], until: datetime) -> None:
    """reserve() for an order whose units were given back: its rows of then go."""
    Reservation.objects.filter(order_id=order_id, state=Reservation.State.RELEASED).delete()
    reserve(order_id=order_id, quantities=quantities, until=until)


def shortfalls(quantities: Mapping[str, int]) -> list[Shortfall]:
    """What of this is not there now, by product."""
    levels = Level.objects.filter(product_id__in=quantities, tracked=True).order_by("product_id")
    return [
        Shortfall(level.product_id, quantities[level.product_id], max(0, level.on_hand - level.reserved))
        for level in levels
        if level.on_hand - level.reserved < quantities[level.product_id]
    ]


def reserve_many(wanted: Mapping[str, Mapping[str, int]], *, until: datetime) -> None:
    """Keep units for orders that a look at the levels found to fit, one UPDATE a product.

    wanted: order_id -> units by product. Raises StockMoved where it fits no more.
    """
    _write_reservations(wanted, until)
    sums: Counter[str] = Counter()
    for quantities in wanted.values():
        sums.update(quantities)
    if _take(sums) < len(sums):
        raise StockMoved(f"some of {len(sums)} products")


def lock_levels(skus: Iterable[str]) -> None:
    """Hold these levels until the transaction ends, taken in product order. Before two writes of levels
    in one transaction: the second could otherwise wait for somebody who waits for what the first wrote.
    """
    held = Level.objects.select_for_update().filter(product_id__any_of=set(skus)).order_by("product_id")
    list(held.values_list("product_id", flat=True))


def settle_many(order_ids: Collection[str], *, actor: str, at: datetime) -> None:
    """Turn the open reservations of orders into sales. Call after winning their moves to paid."""
    rows = _close(order_ids, Reservation.State.SETTLED)
    moves = [
        Move(
            event_name(SALE, row.order_id, row.product_id),
            row.product_id,
            -row.quantity,
            SALE,
            actor,
            at,
            row.order_id,
        )
        for row in rows
    ]
    freed: Counter[str] = Counter()
    for row in rows:
        freed[row.product_id] -= row.quantity
    post(moves, reserved=freed)


def release(*, order_id: str) -> None:
    """Give an order's open reservations back. Call after winning the move that ends it."""
    rows = _close([order_id], Reservation.State.RELEASED)
    _shift({row.product_id: (0, -row.quantity) for row in rows})


class Held(NamedTuple):
    """A reservation as it is closed."""

    order_id: str
    product_id: str
    quantity: int


def _open() -> QuerySet[Reservation]:
    return Reservation.objects.filter(order_id__any_of=Slot("order_ids"), state=Reservation.State.OPEN)


_held = Prepared(lambda: _open().order_by("product_id").values_list(*Held._fields))
_end = PreparedUpdate(_open, state=Slot("state"))
_extend = PreparedUpdate(lambda: _open().filter(expires_at__lt=Slot("until")), expires_at=Slot("until"))


def _close(order_ids: Collection[str], state: Reservation.State) -> list[Held]:
    names = list(order_ids)
    rows = [Held(*row) for row in _held(order_ids=names)]
    if rows and _end(order_ids=names, state=state.value) != len(rows):
        raise StockMoved(rows[0].order_id)  # only the winner of an order's move comes here, so never two
    return rows


def extend(*, order_id: str, until: datetime) -> None:
    """Keep an order's units longer, while a payment runs."""
    extend_many([order_id], until=until)


def extend_many(order_ids: Collection[str], *, until: datetime) -> None:
    """Keep the units of orders longer, while their payments run."""
    _extend(order_ids=list(order_ids), until=until)


def give_back(*, order_id: str, cause: str, quantities: Mapping[str, int], actor: str, at: datetime) -> None:
    """Put units that an order sold back on the shelf, once for a cause.

    quantities: units by product. cause: what brings them back, such as a refund's key.
    """
    post(
        [
            Move(event_name(RETURN, cause, sku), sku, count, RETURN, actor, at, order_id)
            for sku, count in sorted(quantities.items())
        ]
    )


@transaction.atomic
def adjust(*, product_id: str, change: int, reason: str, actor: str, event_id: str = "") -> bool:
    """Change a product's stock with a reason, and track it from now on.

    event_id: names the fact, so that the same one twice counts once (a seed that runs again).
    Returns whether it was new.
    """
    ensure_products([product_id])
    ensure_levels([product_id])
    name = event_id or uuid4().hex
    if event_id and Movement.objects.filter(event_id=event_id).exists():
        return False
    post([Move(name, product_id, change, reason, actor, timezone.now())], track=(product_id,))
    return True


@transaction.atomic
def set_count(*, product_id: str, counted: int, reason: str, actor: str) -> int:
    """Say how many of a product are on the shelf, and track it from now on; returns the change.

    Nothing else changes the level between the look and the write: it is held until the end.
    """
    ensure_products([product_id])
    ensure_levels([product_id])
    level = Level.objects.select_for_update().get(pk=product_id)
    change = counted - level.on_hand
    moves = [Move(uuid4().hex, product_id, change, reason, actor, timezone.now())] if change else []
    post(moves, track=(product_id,), reserved={product_id: 0})
    return change


def post(
    moves: Sequence[Move],
    *,
    reserved: Mapping[str, int] | None = None,
    track: Collection[str] = (),
    tell: bool = True,
) -> None:
    """Write ledger rows, tell the inventory topic, and bring the levels up to date, last.

    reserved: change of reserved by product. track: products whose stock is known from now on.
    tell: false where the topic told us.
    """
    now = timezone.now()
    bulk.insert(
        Movement,
        ("event_id", "product_id", "change", "reason", "actor", "order_id", "at", "created_at", "origin"),
        [
            (
                move.event_id,
                move.product_id,
                move.change,
                move.reason,
                move.actor,
                move.order_id,
                move.at,
                now,
                move.origin,
            )
            for move in moves
        ],
    )
    if tell:
        publish_many("inventory", [(move.product_id, _told(move)) for move in moves])
    sums: Counter[str] = Counter()
    for move in moves:
        sums[move.product_id] += move.change
    held = reserved or {}
    _shift({sku: (sums[sku], held.get(sku, 0)) for sku in {*sums, *held}}, track=track)


def _told(move: Move) -> StockChanged:
    return StockChanged(
        product_id=move.product_id,
        quantity_change=move.change,
        timestamp=move.at,
        event_id=move.event_id,
        reason=move.reason,
        order_id=move.order_id or None,
        actor=move.actor,
    )


def _shift(changes: Mapping[str, tuple[int, int]], *, track: Collection[str] = ()) -> None:
    """Add (on_hand, reserved) to the levels of these products, in product order."""
    _change(changes, track=track)


def _change(
    changes: Mapping[str, tuple[int, int]], *, track: Collection[str] = (), only_if_enough: bool = False
) -> int:
    """Add (on_hand, reserved) to the levels of these products, in product order; how many were changed.

    only_if_enough: leave out those that are tracked and would have more reserved than is there.
    """
    rows = [(sku, *changes[sku], sku in track, not only_if_enough) for sku in sorted(changes)]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Foreign keys are checked here and not in the commit, where the levels would be held meanwhile.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(CHANGE_AT_ONCE, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.executemany(
                CHANGE_ONE, [(on, held, follow, sku, force, held) for sku, on, held, follow, force in rows]
            )
        return int(cursor.rowcount)


# The levels are locked in product order before the first is changed: an UPDATE alone promises no order.
CHANGE_AT_ONCE = """
WITH change AS (
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::boolean[], %s::boolean[])
        AS change (sku, on_hand, reserved, follow, force)
), held AS (
    SELECT product_id FROM inventory_level WHERE product_id IN (SELECT sku FROM change)
    ORDER BY product_id FOR NO KEY UPDATE
)
UPDATE inventory_level AS level
SET on_hand = level.on_hand + change.on_hand,
    reserved = level.reserved + change.reserved,
    tracked = level.tracked OR change.follow
FROM held JOIN change ON change.sku = held.product_id
WHERE level.product_id = held.product_id
    AND (change.force OR NOT level.tracked OR level.on_hand >= level.reserved + change.reserved)
"""
CHANGE_ONE = """
UPDATE inventory_level
SET on_hand = on_hand + %s, reserved = reserved + %s, tracked = tracked OR %s
WHERE product_id = %s AND (%s OR NOT tracked OR on_hand >= reserved + %s)
"""
