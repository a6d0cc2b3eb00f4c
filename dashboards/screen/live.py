"""What the live page shows beside the aggregates. Database, heartbeats -> here -> picture.py.

dashboards may not import orders or inventory: who wires the server hands their figures in, once, by
register_board() of board.py. Everything here runs in the hub's one thread, at most once a second.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.db import close_old_connections
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from dashboards.alerts.selectors import fired_between, open_alerts
from dashboards.board import Board, Outlook, StatusRow, outlooks, the_board
from dashboards.proof.verdict import read_verdict
from dashboards.screen.window import MINUTES
from shopsite.catalogue.models import Product
from shopsite.events.heartbeat import read_beats
from shopsite.events.models import InboxEvent, InboxState, OutboxEvent

AGE_LIMIT_MINUTES = {"placed": 10, "paid": 30, "refund_pending": 60}  # an older order is in trouble
MOST_ON_SHELF = 5_000  # products of a category that is looked at
Section = dict[str, object]


@dataclass
class Reading:
    """One look at the database and the heartbeats."""

    status: Section = field(default_factory=dict)
    attention: Section = field(default_factory=dict)
    health: Section = field(default_factory=dict)
    alerts: Section = field(default_factory=dict)
    marks: Section = field(default_factory=dict)
    stock: dict[str, int | None] = field(default_factory=dict)  # available by product, None: not tracked
    outlook: Mapping[str, Outlook] = field(default_factory=dict)  # of the tracked ones
    names: dict[str, list[object]] = field(default_factory=dict)
    aggregating: bool = False


def read_board(skus: Sequence[str], unnamed: Iterable[str]) -> Reading:
    """Orders by status, stock of these products, names of those, what waits. Raises DatabaseError."""
    close_old_connections()
    beats = read_beats()
    reading = Reading(names=product_names(unnamed), health=waiting(beats))
    reading.aggregating = any(beat["name"] == "aggregate" for beat in beats)
    reading.alerts, reading.marks = alerts(), marks(timezone.now())
    reading.health["audit"] = read_verdict()
    reading.stock = dict.fromkeys(skus)
    if board := the_board():
        _ask(board, reading)
    return reading


def _ask(board: Board, reading: Reading) -> None:
    reading.status = {row.status: _status(row) for row in board.order_pipeline() if row.count}
    found = board.attention()
    reading.attention = {
        "payment_failed": found.payment_failed,
        "paid_unfulfillable": found.paid_unfulfillable,
        "low_stock": found.low_stock_count,
    }
    stock = board.stock_of(reading.stock)
    tracked = {sku: view.available for sku, view in stock.items() if view.tracked}
    reading.stock.update(tracked)
    reading.outlook = outlooks(board, tracked)


def alerts() -> Section:
    """Open alert -> [rule, epoch ms since when, 1 where somebody looks after it, its page in the admin]."""
    return {
        str(alert.pk): [
            alert.rule.name,
            int(alert.fired_at.timestamp() * 1000),
            int(alert.acknowledged_at is not None),
            reverse("admin:alerts_alert_change", args=[alert.pk]),
        ]
        for alert in open_alerts()
    }


def marks(now: datetime) -> Section:
    """Alert that began within the pulse that ends now -> [epoch ms, rule]."""
    found = fired_between(now - timedelta(minutes=MINUTES), now)
    return {str(alert.pk): [int(alert.fired_at.timestamp() * 1000), alert.rule.name] for alert in found}


def _status(row: StatusRow) -> list[int]:
    """[count, epoch ms of the oldest or 0, limit of its age in minutes or 0, 1 where there are more]"""
    oldest = int(row.oldest_at.timestamp() * 1000) if row.oldest_at else 0
    return [row.count, oldest, AGE_LIMIT_MINUTES.get(row.status, 0), int(row.capped)]


def product_names(product_ids: Iterable[str]) -> dict[str, list[object]]:
    """Product -> [title, address of its picture or "", address of its page of figures]."""
    found = Product.objects.in_bulk(list(product_ids))
    return {
        product_id: [
            product.title,
            static(product.picture) if product.picture else "",
            product_page(product_id),
        ]
        for product_id, product in found.items()
    }


def products_of(category: str) -> frozenset[str]:
    """The products on a shelf, the first MOST_ON_SHELF of them."""
    found = Product.objects.filter(category=category).values_list("sku", flat=True)
    return frozenset(found[:MOST_ON_SHELF])


def product_page(product_id: str) -> str:
    """The product's page of figures; its id is written as the admin writes it in addresses."""
    return reverse("product_figures", args=[quote(product_id)])


def admin_of(product_id: str) -> str:
    """The product's page in the admin."""
    return reverse("admin:catalogue_product_change", args=[quote(product_id)])


def waiting(beats: Iterable[Mapping[str, Any]]) -> Section:
    """What is still to be read from Kafka, and to be worked off here."""
    lags = [int(beat["lag"]) for beat in beats if isinstance(beat.get("lag"), int)]
    outbox = OutboxEvent.objects.filter(published_at__isnull=True, refused_at__isnull=True)
    unnumbered, unsent = outbox.filter(seq__isnull=True).count(), outbox.filter(seq__isnull=False).count()
    undone = InboxEvent.objects.filter(state=InboxState.WAITING).count()
    health: Section = {"waiting": unnumbered + unsent + undone}
    if lags:
        health["lag"] = sum(lags)
    return health
