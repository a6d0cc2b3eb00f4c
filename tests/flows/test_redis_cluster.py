"""The figures on a real Redis Cluster of six nodes, through the loss of a master."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis as redis_package
from pytest_django.fixtures import Settings
from redis.exceptions import RedisError

from dashboards.counting.aggregate import fold_batch
from dashboards.counting.batch import Place
from dashboards.counting.store import partitions, read_position
from dashboards.keys import first_keys
from dashboards.proof.rebuild import delete_generation
from dashboards.proof.snapshot import take
from dashboards.reports.selectors import report
from dashboards.screen.window import Window
from shopsite.events.heartbeat import Heartbeat, read_beats
from shopsite.events.redis import async_redis, listening_client, memory, redis_client
from tests.support import until
from tests.support.aggregates import Log, click, fold_one, log_of, numbered, paid, writer_of
from tests.support.history import move
from tests.support.redis_cluster import RedisCluster, partitions_by_master, redis_cluster
from tests.support.servers import unique

pytestmark = pytest.mark.slow
Redis = redis_package.Redis
DAY = datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC)
NAMES = [f"clicks-{number}" for number in range(6)]


@pytest.fixture(scope="module")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("redis-cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: RedisCluster, settings: Settings) -> RedisCluster:
    """A cluster whose keys of this test have a prefix of their own."""
    settings.REDIS_URL = _cluster.url
    settings.REDIS_PREFIX = f"test-{unique()}:"
    return _cluster


def fold_all(log: Log, size: int = 10) -> None:
    """Fold a partition to its end, as the aggregator does: whatever fails, it asks Redis where to go on."""

    def step() -> bool:
        try:
            part = log.part(writer)
            left = [record for record in log.records if record.offset >= part.next]
            return not left or (fold_one(writer, part, left[:size]) and len(left) <= size)
        except RedisError:
            writer.forget(log.tp)
            return False

    writer = writer_of(redis_client())
    until(step, within=60)


@pytest.mark.django_db
def test_every_reader_works_over_slots(cluster: RedisCluster) -> None:
    client = redis_client()
    logs = [log_of(name, [click(f"u{n}", f"p{n % 3}") for n in range(20)]) for name in NAMES]
    for log in [*logs, numbered("orders-0", [paid("1", "5"), paid("2", "7")])]:
        fold_all(log)
    assert len(partitions_by_master(cluster, NAMES)) == 3, "the partitions lie on all masters"

    found = report(client, *DAY)
    assert (found.events, found.revenue) == ({"view_item": 120}, {"GBP": "12.00"})
    assert abs(found.visitors - 21) <= 1  # the same people in every partition
    assert [row.views for row in found.products[:3]] == [42, 42, 36]
    snapshot = take(client, first_keys(), "clicks-3")
    assert snapshot is not None and snapshot.offset == 20
    counts = next(iter(snapshot.days.values())).counts
    assert counts[Place("d", int(DAY[0].timestamp()), "events")] == {"view_item": 20}
    assert partitions(client, first_keys()) == [*NAMES, "orders-0"]
    assert memory(client)[0] > 0

    assert move(client).moved
    assert report(client, *DAY).events == found.events, "what moved to the database is the same"

    delete_generation(client, 0)
    assert list(client.scan_iter(match=f"{first_keys().prefix}*", count=1000)) == []


def test_heartbeats_of_several_slots_are_read_together(cluster: RedisCluster) -> None:
    for name in ("relay", "consume", "aggregate", "web"):
        Heartbeat(name).beat(well=True)
    assert sorted(beat["name"] for beat in read_beats()) == ["aggregate", "consume", "relay", "web"]


async def test_a_live_page_reads_over_slots_and_hears_of_changes_at_any_node(cluster: RedisCluster) -> None:
    for _ in cluster.ports:  # whichever node it subscribes at
        async with listening_client() as subscriber, subscriber.pubsub() as changes:
            await changes.subscribe("told")
            assert (await changes.get_message(timeout=5) or {})["type"] == "subscribe"
            await asyncio.to_thread(redis_client().publish, "told", "x")
            message = None
            while message is None:
                message = await changes.get_message(timeout=5)
            assert message["data"] == b"x"
    now = datetime.now(UTC)
    for name in NAMES:
        log = log_of(name, [click(f"{name}-{n}", at=now.isoformat()) for n in range(5)])
        await asyncio.to_thread(fold_live, log, now)
    async with async_redis() as client:
        window = Window(client, first_keys())
        window.partitions |= set(NAMES)
        await window.load(now.timestamp() + 1)
        assert window.tallies["m", "events"].total == {"view_item": 30}
        assert (window.visitors, window.funnel["view_item"]) == (30, 30)


def fold_live(log: Log, now: datetime) -> None:
    writer = writer_of(redis_client())
    batch, _ = fold_batch(log.part(writer), log.records, len(log.records), now)
    assert writer.apply(batch)


@pytest.mark.django_db
def test_what_a_dead_master_had_acknowledged_and_not_replicated_is_folded_again(
    tmp_path: Path, settings: Settings
) -> None:
    with redis_cluster(tmp_path / "own") as cluster:
        settings.REDIS_URL, settings.REDIS_PREFIX = cluster.url, f"test-{unique()}:"
        client = redis_client()
        logs = {name: log_of(name, [click(f"{name}-{n}") for n in range(60)]) for name in NAMES}
        for log in logs.values():
            fold_all(Log(log.tp, log.records[:20]))
        until(cluster.is_whole)
        master = cluster.master_of(f"{{{NAMES[0]}}}")
        lost = partitions_by_master(cluster, NAMES)[master]

        cluster.kill(cluster.replica_of(master))
        for name in lost:
            fold_all(Log(name, logs[name].records[:40]))
            assert read_position(client, first_keys(), name).offset == 40, "acknowledged"
        cluster.kill(master)
        cluster.revive(cluster.replica_of(master))
        until(lambda: cluster.master_of(f"{{{NAMES[0]}}}") == cluster.replica_of(master), within=30)
        until(cluster.is_whole, within=30)  # the heir answers only when it sees all slots served
        assert cluster.ask(cluster.replica_of(master), "GET", first_keys().offset(lost[0])) == b"20", (
            "the replica knows nothing of it"
        )

        for log in logs.values():
            fold_all(log)
        found = report(client, *DAY)
        assert found.events == {"view_item": 60 * len(NAMES)}
        assert abs(found.visitors - 60 * len(NAMES)) <= 8
        assert {read_position(client, first_keys(), name).offset for name in NAMES} == {60}
