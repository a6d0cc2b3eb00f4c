"""Stock messages of others, in batches. The drain of the inventory topic -> handle_stock -> the ledger.

What a warehouse or supplier tells is a fact: it counts once per event id, in any order, and may take
stock below zero, which boards.attention() then shows.
"""

from collections.abc import Sequence

from inventory.models import Movement
from inventory.services import Move, ensure_levels, post
from shopsite.catalogue.services import ensure_products
from shopsite.events.inbox import Received
from shopsite.events.schemas import StockChanged

ACTOR = "other system"
NO_REASON = "not told"


def handle_stock(batch: Sequence[Received]) -> None:
    """Process stock messages in the caller's transaction: all of them or none."""
    moves = {
        item.event_id: _move(item, item.event)
        for item in reversed(batch)
        if isinstance(item.event, StockChanged)
    }
    known = set(Movement.objects.filter(event_id__any_of=moves).values_list("event_id", flat=True))
    fresh = [move for event_id, move in reversed(moves.items()) if event_id not in known]
    skus = {move.product_id for move in fresh}
    ensure_products(skus)
    ensure_levels(skus)
    # What only went out says nothing of what is there: such a product goes on to be sold untracked, so
    # that an order does not depend on which of two topics is read first.
    post(fresh, track={move.product_id for move in fresh if move.change > 0}, tell=False)


def _move(item: Received, event: StockChanged) -> Move:
    return Move(
        event_id=item.event_id,
        product_id=event.product_id,
        change=event.quantity_change,
        reason=(event.reason or NO_REASON)[:64],
        actor=(event.actor or ACTOR)[:150],
        at=event.timestamp,
        order_id=event.order_id or "",
        origin=item.origin,
    )
