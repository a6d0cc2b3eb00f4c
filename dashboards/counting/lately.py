"""Who is here and what just happened. Events of a batch -> here -> fence.lua -> `seen` and `recent`.

Only what happened in the last half hour by the clock on the wall: a recording of another year passes by.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

import msgspec

from dashboards.counting.batch import Event
from dashboards.folds.slices import source
from dashboards.keys import RECENT_EVENTS, SEEN_SECONDS, Recent
from shopsite.events.schemas import Click, OrderChanged

_moment = attrgetter("timestamp")


def seen_lately(events: Sequence[Event], now: datetime) -> dict[str, int]:
    """People who clicked, and when last (epoch ms). Bots are not people."""
    oldest = now - timedelta(seconds=SEEN_SECONDS)
    clicks = [event for event in events if isinstance(event, Click) and event.timestamp > oldest]
    clicks.sort(key=_moment)
    last = {click.user_id: click.timestamp for click in clicks if not click.bot}
    return {user: int(at.timestamp() * 1000) for user, at in last.items()}


def recent(events: Sequence[Event], now: datetime) -> list[str]:
    """The last events of a batch as JSON, oldest first."""
    oldest = now.timestamp() - SEEN_SECONDS
    some = [event for event in events[-RECENT_EVENTS:] if event.timestamp.timestamp() > oldest]
    return [msgspec.json.encode(_describe(event)).decode() for event in some]


def _describe(event: Event) -> Recent:
    at = int(event.timestamp.timestamp() * 1000)
    if isinstance(event, Click):
        return Recent(
            kind="click",
            type=event.type,
            at=at,
            user=event.user_id,
            product=event.product_id or "",
            path=event.path or "",
            search=event.search or "",
            country=event.country or "",
            device=event.device or "",
            source=source(event) or "",
            category=event.category or "",
            bot=event.bot,
        )
    if isinstance(event, OrderChanged):
        return Recent(
            kind="order",
            type=event.type,
            at=at,
            user=event.user_id,
            product=event.lines[0].product_id if event.lines else "",
            country=event.country or "",
            device=event.device or "",
            source=event.source or "",
            order=event.order_id,
            amount=f"{event.amount:f}",
            currency=event.currency,
        )
    return Recent(
        kind="stock",
        type=event.reason or "",
        at=at,
        product=event.product_id,
        order=event.order_id or "",
        change=event.quantity_change,
    )
