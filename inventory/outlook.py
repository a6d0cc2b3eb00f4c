"""How fast products sell, and when they will be sold out. The ledger -> here -> admin, boards, API.

What each figure means stands in docs/metrics.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Any, Final

from django.db.models import Count, F, FilteredRelation, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from inventory.models import Level, Movement
from inventory.services import SALE
from shopsite.wording import sell_out_text, span_text

WINDOWS_HOURS: Final = (1, 6, 24, 168)  # the shortest that holds enough is taken
ENOUGH_SALES: Final = 10  # rows of the ledger: with fewer the error is a third and more
FEWEST_SALES: Final = 3  # below, the longest window says nothing either
SHORTEST: Final = timedelta(minutes=10)  # a product that is on sale for a minute has no rate yet
TIMES_ERROR: Final = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Outlook:
    """How a product sells. None where it is not tracked, or too little was sold to say."""

    product_id: str
    available: int
    sales: int  # rows of the ledger that the rate rests on
    hours: float  # that it was watched for
    per_hour: float | None  # units
    error: float | None  # standard error of per_hour
    minutes_left: float | None  # until it is sold out at this rate
    soonest: float | None  # 95 % interval of minutes_left
    latest: float | None  # None as well where the rate may be as good as nothing

    @property
    def words(self) -> str:
        """When it is sold out, as every page writes it."""
        return sell_out_text(self.minutes_left, self.soonest, self.latest)

    @property
    def burn(self) -> str:
        """The rate, its error and what both rest on, as every page writes it; "" where there is none."""
        if self.per_hour is None or self.error is None:
            return ""
        return (
            f"{rate_text(self.per_hour)} ± {rate_text(self.error)} an hour, by {self.sales:,} sales in "
            f"{span_text(self.hours * 60)}"
        )


def outlook(skus: Iterable[str], *, now: datetime | None = None) -> dict[str, Outlook]:
    """The outlook of these products, in one query; one without a level is left out."""
    at = now or timezone.now()
    rows = _levels(list(skus), at).values("pk", "on_hand", "reserved", "tracked", "began", *_names())
    return {row["pk"]: _outlook(row, at) for row in rows}


def _names() -> list[str]:
    return [f"{name}_{hours}" for hours in WINDOWS_HOURS for name in ("units", "sales", "squares")]


def _levels(skus: list[str], now: datetime) -> Any:  # noqa: ANN401 - a queryset with annotations
    """Each level with what was sold in each window, and since when its product has a ledger."""
    first = Movement.objects.filter(product_id=OuterRef("pk")).order_by("at").values("at")[:1]
    since = now - timedelta(hours=WINDOWS_HOURS[-1])
    at = "product__movements__at"
    sold = Q(("product__movements__reason", SALE), (f"{at}__gt", since), (f"{at}__lte", now))
    sums: dict[str, Any] = {}
    for hours in WINDOWS_HOURS:
        within = Q(sold__at__gt=now - timedelta(hours=hours))
        sums[f"units_{hours}"] = Sum(-F("sold__change"), filter=within)
        sums[f"sales_{hours}"] = Count("sold", filter=within)
        sums[f"squares_{hours}"] = Sum(F("sold__change") * F("sold__change"), filter=within)
    levels = Level.objects.filter(pk__in=skus)
    levels = levels.annotate(sold=FilteredRelation("product__movements", condition=sold))
    return levels.annotate(began=Subquery(first), **sums).order_by("pk")


def _outlook(row: Mapping[str, Any], now: datetime) -> Outlook:
    window = _window(row)
    available = row["on_hand"] - row["reserved"]
    if window is None or not row["tracked"]:
        sales = row[f"sales_{WINDOWS_HOURS[-1]}"]
        return Outlook(row["pk"], available, sales, float(WINDOWS_HOURS[-1]), None, None, None, None, None)
    watched = max(SHORTEST, min(timedelta(hours=window), now - row["began"]))
    hours = watched / timedelta(hours=1)
    rate = row[f"units_{window}"] / hours
    # orders come at random and bring several units each: a compound Poisson process
    error = sqrt(row[f"squares_{window}"]) / hours
    return Outlook(
        product_id=row["pk"],
        available=available,
        sales=row[f"sales_{window}"],
        hours=hours,
        per_hour=rate,
        error=error,
        minutes_left=_minutes(available, rate),
        soonest=_minutes(available, rate + TIMES_ERROR * error),
        latest=_minutes(available, rate - TIMES_ERROR * error),
    )


def _window(row: Mapping[str, Any]) -> int | None:
    """The shortest window with enough sales, else the longest if that has a few; None where none has."""
    enough = (hours for hours in WINDOWS_HOURS if row[f"sales_{hours}"] >= ENOUGH_SALES)
    few = WINDOWS_HOURS[-1] if row[f"sales_{WINDOWS_HOURS[-1]}"] >= FEWEST_SALES else None
    return next(enough, few)


def _minutes(available: int, per_hour: float) -> float | None:
    if available <= 0:
        return 0.0
    return available / per_hour * 60 if per_hour > 0 else None


def rate_text(per_hour: float) -> str:
    """`12`, `3.4`, `0.05`: two digits are more than the evidence gives."""
    return f"{per_hour:,.0f}" if per_hour >= 10 else f"{per_hour:.2g}"


def in_words(seen: Outlook) -> str:
    """A sentence with the rate, its error and what both rest on."""
    if not seen.burn or seen.minutes_left is None:
        return f"too few sales to say: {seen.sales} in the last {seen.hours / 24:.0f} days, or not tracked"
    return f"{seen.burn}; sells out in: {seen.words}"
