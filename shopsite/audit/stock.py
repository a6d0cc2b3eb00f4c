"""The stock ledger against the inventory topic, the levels against the ledger. messages.py -> here."""

from collections.abc import Iterator

from django.db.models import BigIntegerField, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from dashboards.proof.findings import Check
from inventory.models import Level, Movement
from shopsite.audit.messages import Messages
from shopsite.events.schemas import StockChanged

Change = tuple[str, int]  # product, change


def audit_ledger(messages: Messages) -> list[Check]:
    """Every stock event of the log is one row of the ledger, and every row was told or heard."""
    events = {
        message.event.event_id: (message.event.product_id, message.event.quantity_change)
        for message in messages.read()
        if isinstance(message.event, StockChanged) and (message.own or message.taken)
    }
    log = [len(events), sum(change for _, change in events.values())]
    stored = [0, 0]
    checks: list[Check] = []
    for event_id, product, change, origin in _ledger():
        told = events.pop(event_id, None)
        if told is None:
            checks += _not_in_log(messages, event_id, product, change, origin)
            continue
        stored[0] += 1
        stored[1] += change
        if told != (product, change):
            checks.append(Check(f"ledger row {event_id}", _text(told), _text((product, change))))
    for event_id, told in events.items():
        row = Movement.objects.filter(event_id=event_id).values_list("change", flat=True).first()
        if row is None:
            checks.append(Check(f"ledger row {event_id}", _text(told), "not in the ledger"))
        else:  # it came while the audit ran
            stored[0] += 1
            stored[1] += row
    names = ("stock events in the ledger", "sum of these changes")
    return [Check(*row) for row in zip(names, log, stored, strict=True)] + checks


def _ledger() -> Iterator[tuple[str, str, int, str | None]]:
    rows = Movement.objects.order_by("pk").values_list("event_id", "product_id", "change", "origin")
    return rows.iterator(chunk_size=5_000)


def _not_in_log(
    messages: Messages, event_id: str, product: str, change: int, origin: str | None
) -> Iterator[Check]:
    """A row that the log does not have, unless it is too new to be there."""
    if not messages.whole:
        return
    expected = messages.has_passed(origin) if origin else not messages.is_moving(event_id=event_id)
    if expected:
        yield Check(f"ledger row {event_id}", "not in the log", _text((product, change)))


def _text(change: Change) -> str:
    return f"{change[1]:+d} {change[0]}"


def audit_levels() -> list[Check]:
    """What is on hand is the sum of the ledger, product by product; read in one statement."""
    rows = Movement.objects.filter(product=OuterRef("pk")).order_by().values("product")
    ledger = Coalesce(
        Subquery(rows.annotate(total=Sum("change")).values("total"), output_field=BigIntegerField()), 0
    )
    levels = Level.objects.annotate(ledger=ledger).order_by("pk").values_list("pk", "ledger", "on_hand")
    pairs = list(levels.exclude(on_hand=F("ledger")))
    count = Level.objects.count()
    return [
        Check("products whose level is the sum of their ledger", count, count - len(pairs)),
        *(Check(f"stock on hand of {product}", total, on_hand) for product, total, on_hand in pairs),
    ]
