"""What bots did, apart from everything else. Clicks of bots -> here -> HASH `bots`, field: the type."""

from dashboards.folds.base import SECONDS_UP, AnyFold, Counts
from dashboards.folds.events import count_types

FOLDS: list[AnyFold] = [
    Counts(
        name="bots",
        topic="clicks",
        tile="bots",
        keys="the event's type",
        most="10 fields",
        fields=count_types,
        grains=SECONDS_UP,
        of_bots=True,
    )
]
