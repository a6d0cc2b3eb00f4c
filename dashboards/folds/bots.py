"""What bots did, apart from everything else. Clicks of bots -> here -> HASH `bots`, field: the type.

Bound: 9 fields. Tile: bots.
"""

from dashboards.folds.base import SECONDS_UP, AnyFold, Counts
from dashboards.folds.events import count_types

FOLDS: list[AnyFold] = [
    Counts(name="bots", topic="clicks", tile="bots", fields=count_types, grains=SECONDS_UP, of_bots=True)
]
