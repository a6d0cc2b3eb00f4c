"""Prove that levels are what the ledger and the open reservations add up to. reconcile, audit -> here."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import BigIntegerField, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from inventory.models import Level, Movement, Reservation
from inventory.services import ensure_levels


@dataclass(frozen=True)
class Difference:
    """A figure of a product that is not what its rows add up to."""

    product_id: str
    name: str  # on_hand: against the ledger; reserved: against the open reservations
    stored: int
    proved: int


def differences() -> list[Difference]:
    """Every figure that is wrong, by product. One statement reads all, so it is right at any load."""
    moves = Movement.objects.filter(product_id=OuterRef("pk")).order_by().values("product_id")
    held = Reservation.objects.filter(product_id=OuterRef("pk"), state=Reservation.State.OPEN)
    ledger_sum = moves.annotate(total=Sum("change")).values("total")
    held_sum = held.order_by().values("product_id").annotate(total=Sum("quantity")).values("total")
    levels = Level.objects.annotate(
        ledger=Coalesce(Subquery(ledger_sum), 0, output_field=BigIntegerField()),
        held=Coalesce(Subquery(held_sum), 0, output_field=BigIntegerField()),
    )
    wrong = levels.exclude(on_hand=F("ledger"), reserved=F("held")).order_by("pk")
    found = []
    for sku, *figures in wrong.values_list("pk", "on_hand", "ledger", "reserved", "held"):
        on_hand, ledger, reserved, open_units = figures
        if on_hand != ledger:
            found.append(Difference(sku, "on_hand", on_hand, ledger))
        if reserved != open_units:
            found.append(Difference(sku, "reserved", reserved, open_units))
    return found + _without_level()


def _without_level() -> list[Difference]:
    """Ledgers of products whose level is missing."""
    rows = Movement.objects.filter(product__level=None).order_by("product_id").values_list("product_id")
    return [Difference(sku, "on_hand", 0, total) for sku, total in rows.annotate(total=Sum("change"))]


def mend(wrong: list[Difference]) -> int:
    """Set what is wrong to what the rows add up to now; returns how many levels. The ledger stays."""
    skus = sorted({difference.product_id for difference in wrong})
    ensure_levels(skus)
    for sku in skus:
        with transaction.atomic():
            level = Level.objects.select_for_update().get(pk=sku)
            moves = Movement.objects.filter(product_id=sku).aggregate(total=Sum("change"))
            held = Reservation.objects.filter(product_id=sku, state=Reservation.State.OPEN)
            level.on_hand = moves["total"] or 0
            level.reserved = held.aggregate(total=Sum("quantity"))["total"] or 0
            level.save(update_fields=["on_hand", "reserved"])
    return len(skus)
