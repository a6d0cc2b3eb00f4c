"""Where more people get lost than usual. People by stage -> here -> page, alerts.

docs/metrics.md, "Drop-off".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

from dashboards.answers.spans import HOUR, distinct, to_the_minute
from dashboards.folds.funnel import STAGES

DAYS = 7
LEAST_PEOPLE = 30  # at the stage before, now and usually
LEAST_SCORE = 3.0

People = Mapping[str, int]  # by stage


class Step(NamedTuple):
    """The way from one stage to the next."""

    before: str
    stage: str
    people: int  # at the stage before, in the last hour
    went_on: float | None  # share of them; None: nobody was there
    usual: float | None  # the same in this hour of the last seven days
    score: float | None  # standard deviations from the usual; None: too few to say

    @property
    def is_unusual(self) -> bool:
        """Whether chance alone would hardly do that."""
        return self.score is not None and abs(self.score) >= LEAST_SCORE


def steps(now: People, before: Sequence[People]) -> list[Step]:
    """Each step of the funnel, now and usually. before: the same hour of the days before."""
    return [_step(first, second, now, before) for first, second in pairwise(STAGES)]


def _step(first: str, second: str, now: People, before: Sequence[People]) -> Step:
    people, on = now.get(first, 0), now.get(second, 0)
    were, went = (sum(day.get(stage, 0) for day in before) for stage in (first, second))
    share, usual = _share(on, people), _share(went, were)
    return Step(first, second, people, share, usual, _score(share, people, usual, were))


def _share(part: int, whole: int) -> float | None:
    # each stage counts on its own, so somebody may buy who put nothing into a cart in that hour
    return min(part / whole, 1.0) if whole else None


def _score(share: float | None, people: int, usual: float | None, were: int) -> float | None:
    """Of two shares that are equal in truth, how far they are apart in standard deviations."""
    if share is None or usual is None or min(people, were) < LEAST_PEOPLE:
        return None
    pooled = (share * people + usual * were) / (people + were)
    spread = sqrt(pooled * (1 - pooled) * (1 / people + 1 / were))
    return round((share - usual) / spread, 2) if spread else 0.0


def read_steps(now: datetime) -> list[Step]:
    """The last hour against the same one of the seven days before. Raises RedisError."""
    end = to_the_minute(now)
    # minutes of days ago are not kept: the usual is made of the whole hour that holds most of this one
    hour = (end - HOUR / 2).replace(minute=0)
    days = [hour - timedelta(days=ago) for ago in range(1, DAYS + 1)]
    return steps(_people(end - HOUR, end), [_people(day, day + HOUR) for day in days])


def _people(start: datetime, end: datetime) -> People:
    found = distinct(start, end, *(f"funnel.{stage}" for stage in STAGES))
    return dict(zip(STAGES, found, strict=True))
