"""How many events of each type. Clicks of people -> here -> HASH `events`, field: the type."""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import SECONDS_UP, AnyFold, Counts
from shopsite.events.schemas import Click


def count_types(clicks: Sequence[Click]) -> Counter[str]:
    """Clicks by type."""
    return Counter([click.type for click in clicks])


FOLDS: list[AnyFold] = [
    Counts(
        name="events",
        topic="clicks",
        tile="live line, clicks a second",
        keys="the event's type",
        most="10 fields",
        fields=count_types,
        grains=SECONDS_UP,
    )
]
