"""What people hold in their hands.

Clicks of people -> here -> HASH `devices`.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally([click.device for click in clicks])


FOLDS: list[AnyFold] = [
    Counts(name="devices", topic="clicks", tile="devices", keys="the device", fields=_count, cap=LIST)
]
