"""Make the aggregates anew beside the live ones, then switch. Kafka -> here -> the next generation of keys.

Nothing reads the new generation before one SET makes it the live one, so nobody sees it half done. The
aggregators notice within a second, and go on from the offsets that are stored in it. Then rows of the history
that the new figures count again are deleted; until then every reader leaves them out by their offsets. What
is older than the log stays as the history has it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import redis
from django.db.models import F, Max
from redis.exceptions import LockError

from dashboards.counting.aggregate import TOPICS, Part, fold_batch
from dashboards.counting.log import LogReader, set_aside
from dashboards.counting.store import Writer, live_generation, partitions, read_position
from dashboards.keys import Keys, generation_key, generation_keys, partition_name
from dashboards.models import Rollup, Total
from dashboards.past.presence import read_lives
from dashboards.past.rollups import in_turn
from shopsite.events.schemas import Unavailable

log = logging.getLogger(__name__)
LOCK_SECONDS = 60  # a rebuild that died holds up the next one that long
GRACE_S = 3.0  # aggregators look once a second: then nobody writes to the old keys any more
ROUNDS = 2  # the second one only has what came during the first
Progress = Callable[[str, int, int], None]  # partition, offset reached, end


class Busy(Exception):
    """Another rebuild runs: wait for it."""


def rebuild(client: redis.Redis, stop: threading.Event, progress: Progress) -> int | None:
    """Fold the whole log into the next generation and make it live; returns its number.

    None where it was stopped: the live figures are as they were. What was begun and not finished is
    removed by the next one. Raises Busy, Unavailable, RedisError.
    """
    lock = client.lock(f"{generation_key()}:lock", timeout=LOCK_SECONDS)
    if not lock.acquire(blocking=False):
        raise Busy("another rebuild runs")
    try:
        old = live_generation(client)
        for dead in (old + 1, old - 1):  # of a rebuild that was killed, before or after its switch
            if dead >= 0:
                delete_generation(client, dead)
        replaced = _replaced_logs(client, generation_keys(old))
        folded = _Rebuild(client, old + 1, stop, progress, hold=lock.reacquire).run()
        if not folded:
            return None
        client.set(generation_key(), old + 1)
        log.info("generation %d is live", old + 1)
        renew_rows(client, generation_keys(old + 1), replaced)
        stop.wait(GRACE_S)
        delete_generation(client, old)
        return old + 1
    except LockError as error:
        raise Busy("another rebuild took over: this one stood still for too long") from error
    finally:
        if lock.owned():
            lock.release()


def _replaced_logs(client: redis.Redis, keys: Keys) -> list[str]:
    """The partitions whose log is another one than the figures are of: it ends before their offset."""
    with LogReader() as reader:
        bounds = {
            partition_name(topic, number): reader.bounds(topic, number)
            for topic in TOPICS
            for number in reader.partitions(topic)
        }
    return [tp for tp, (_, end) in bounds.items() if (read_position(client, keys, tp).offset or 0) > end]


def renew_rows(client: redis.Redis, keys: Keys, replaced: Sequence[str]) -> None:
    """Delete the rows that the live figures count again.

    replaced: partitions whose log was made anew. Their rows stay, with offsets below all of the new log's.
    """
    with in_turn():
        for tp in replaced:
            rows = Rollup.objects.filter(tp=tp)
            end = rows.aggregate(Max("next"))["next__max"] or 0
            rows.update(first=F("first") - end, next=F("next") - end)
        for tp, life in read_lives(client, keys, partitions(client, keys)).items():
            if tp not in replaced and life.offset is not None:
                Rollup.objects.filter(tp=tp, first__gte=life.begun, next__lte=life.offset).delete()
        Total.objects.all().delete()


class _Rebuild:
    """One pass over the log into one generation."""

    def __init__(
        self,
        client: redis.Redis,
        generation: int,
        stop: threading.Event,
        progress: Progress,
        hold: Callable[[], object],
    ) -> None:
        self._writer = Writer(client, generation_keys(generation))
        self._stop, self._progress, self._hold = stop, progress, hold
        self._aside: set[str] = set()

    def run(self) -> bool:
        """Fold everything; False where it was stopped."""
        with LogReader() as reader:
            self._aside = set_aside(reader, "clicks")
            places = [(topic, number) for topic in TOPICS for number in reader.partitions(topic)]
            for topic, number in places * ROUNDS:
                self._fold(reader, topic, number)
        return not self._stop.is_set()

    def _fold(self, reader: LogReader, topic: str, number: int) -> None:
        name = partition_name(topic, number)
        start, end = reader.bounds(topic, number)
        stored = self._writer.begin(name)
        part = Part(name, topic, start, fresh=True)
        if stored.offset is not None:
            part = Part(name, topic, stored.offset, stored.seq)
        for records in reader.read(topic, number, part.next, end):
            if self._stop.is_set():
                return
            batch, _ = fold_batch(
                part, records, records[-1].offset + 1, datetime.now(UTC), aside=self._aside, live=False
            )
            if not self._writer.apply(batch):
                raise Unavailable(f"somebody else writes to the new figures of {name}")
            part.follow(batch)
            self._hold()
            self._progress(name, part.next, end)


def delete_generation(client: redis.Redis, generation: int) -> None:
    """Remove all keys of a generation, a thousand at a time."""
    for keys in _found(client, generation_keys(generation)):
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.unlink(key)
        pipe.execute()


def _found(client: redis.Redis, keys: Keys) -> Iterator[list[bytes]]:
    """The keys of partitions; they alone have braces after the prefix, so Redis's other keys stay."""
    escaped = "".join(f"\\{letter}" if letter in "[]*?\\^-" else letter for letter in keys.prefix)
    batch = [keys.partitions.encode()]
    for key in client.scan_iter(match=f"{escaped}{{*", count=1000):
        batch.append(key)
        if len(batch) == 1000:
            yield batch
            batch = []
    yield batch
