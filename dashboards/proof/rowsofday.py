"""What the history adds to one day of a partition. Rollup -> here -> snapshot.py -> audit."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import redis

from dashboards.counting.batch import Place
from dashboards.counting.store import count_unions
from dashboards.folds import FOLDS
from dashboards.keys import WIDTH, Grain, Keys, split_partition
from dashboards.models import Rollup
from dashboards.past.rollups import Presence, Unit, starts_of, unit_of, unpack, verdict


@dataclass
class Day:
    """One day of one partition."""

    start: int
    offset: int  # everything before it is in these figures
    counts: dict[Place, Mapping[str, int]] = field(default_factory=dict)
    sizes: dict[Place, int] = field(default_factory=dict)  # of the sets
    whole: set[tuple[Grain, int]] = field(default_factory=set)  # of these no bucket has expired
    first_offset: int = 0  # nothing in these figures is from before it
    torn: bool = False  # Redis has only a part of it, or is behind the rows


def add_rows(client: redis.Redis, keys: Keys, tp: str, day: Day, presences: Mapping[Unit, Presence]) -> None:
    """Add the rows that count beside what Redis has."""
    topic, _ = split_partition(tp)
    names = {fold.name for fold in FOLDS if fold.topic == topic}
    rows = Rollup.objects.filter(
        tp=tp, fold__in=names, start__gte=day.start, start__lt=day.start + WIDTH["d"]
    )
    sets: dict[Place, list[bytes]] = defaultdict(list)
    begins = [day.first_offset] if Unit(tp, "d", day.start) in presences else []
    for row in rows.iterator():
        grain: Grain = row.grain  # type: ignore[assignment]  # written from one
        redis_has = presences.get(unit_of(tp, grain, row.start))
        who = verdict(row.first, row.next, redis_has)
        day.torn = day.torn or who == "row"
        if who != "both" or (redis_has is not None and redis_has.faded):
            continue
        begins.append(row.first)
        day.whole.update((grain, at) for at in starts_of(grain, row.start, row.parts))
        for at, value in unpack(row.data).items():
            place = Place(grain, at, row.fold)
            if isinstance(value, dict):
                day.counts[place] = _sum(day.counts.get(place, {}), value)
            elif grain != "m":  # as for Redis's
                sets[place].append(value)
    day.first_offset = min(begins, default=0)
    wanted = [([[keys.bucket(tp, *place)]], texts) for place, texts in sets.items()]
    day.sizes.update(zip(sets, count_unions(client, wanted), strict=True))


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in [*one, *other]}
