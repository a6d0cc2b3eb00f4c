"""What people hold in their hands. Clicks of people -> here -> HASH `devices`, field: the device.

Cap: 1,000 fields a partition's bucket, the rest is counted as (other). Tile: devices.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return Counter([click.device for click in clicks if click.device])


FOLDS: list[AnyFold] = [Counts(name="devices", topic="clicks", tile="devices", fields=_count, cap=1000)]
