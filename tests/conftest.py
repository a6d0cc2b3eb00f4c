"""Fixtures of every tier: a database in a file, and one real Kafka and Redis a run, started lazily.

Tests that share a broker are kept apart by TOPIC_PREFIX, those that share a Redis by REDIS_PREFIX.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_package
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from shopsite.celery import app as celery_app
from shopsite.runtime.service import dismiss_guard
from tests.support.gateway import Bank
from tests.support.servers import Cluster, Kafka, RedisOfRun, scratch, topics_of_test, unique

NOBODY = "127.0.0.1:1"  # a port that nothing listens on


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a second run, on another database, may leave out."""
    parser.addoption(
        "--database-only", action="store_true", help="only the tests that use the database; for a second one"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, where asked to, what would do the same on any database."""
    if not config.getoption("--database-only"):
        return
    chosen = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _uses_database(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return (
        item.get_closest_marker("django_db") is not None or "db" in fixtures or "transactional_db" in fixtures
    )


@pytest.fixture(scope="session", autouse=True)
def _guard() -> Iterator[None]:
    yield
    dismiss_guard()


@pytest.fixture(scope="session")
def local_dir() -> Iterator[Path]:
    """A scratch folder of this run, for what would be under .local/ otherwise."""
    with scratch("run") as folder:
        yield folder


@pytest.fixture(scope="session")
def django_db_modify_db_settings(local_dir: Path) -> None:
    """SQLite in a file of this run: processes that a test starts share it, another run does not."""
    test = django_settings.DATABASES["default"].setdefault("TEST", {})
    if "sqlite3" in django_settings.DATABASES["default"]["ENGINE"]:
        test["NAME"] = str(local_dir / "test.sqlite3")
        return
    # several runs, and several workers of one, may share a PostgreSQL
    told_apart = (os.environ.get("TEST_DATABASE_SUFFIX"), os.environ.get("PYTEST_XDIST_WORKER"))
    test["NAME"] = "_".join(["test", django_settings.DATABASES["default"]["NAME"], *filter(None, told_apart)])


@pytest.fixture(scope="session")
def _redis_of_run() -> Iterator[RedisOfRun]:
    with scratch("redis") as folder:
        run = RedisOfRun(folder)
        yield run
        run.service.stop()


@pytest.fixture(scope="session")
def redis_server(_redis_of_run: RedisOfRun) -> str:
    """The address of the run's Redis, which runs."""
    _redis_of_run.start()
    return _redis_of_run.url


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """The bootstrap address of the run's one broker."""
    with scratch("kafka") as folder:
        cluster = Cluster(folder)
        cluster.start()
        yield cluster.bootstrap
        cluster.stop()


@pytest.fixture(scope="session")
def _bank_of_run() -> Iterator[Bank]:
    with scratch("bank") as folder:
        run = Bank(folder)
        yield run
        run.stop()


@pytest.fixture
def bank(_bank_of_run: Bank, settings: Settings) -> Bank:
    """The run's payment gateway, which runs; this test is a shop of its own to it."""
    _bank_of_run.start()
    settings.GATEWAY_ACCOUNT = unique()
    return _bank_of_run


@pytest.fixture(autouse=True)
def _only_what_is_asked_for(
    settings: Settings,
    local_dir: Path,
    _redis_of_run: RedisOfRun,
    _bank_of_run: Bank,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test that names no server must not reach one by accident, least of all a running demo's."""
    settings.GATEWAY_URL = _bank_of_run.url
    settings.WEBHOOK_ORIGIN = "nobody:"  # the gateway tells nothing to whoever has no http address
    settings.GATEWAY_KEY, settings.WEBHOOK_SECRET = _bank_of_run.key, _bank_of_run.webhook_secret
    settings.KAFKA_BOOTSTRAP_SERVERS = [NOBODY]
    settings.REDIS_URL = _redis_of_run.url
    settings.EMAIL_FILE_PATH = str(local_dir / "mail")
    monkeypatch.setattr("shopsite.events.clicks.LOCAL_DIR", local_dir)  # a demo here would send them


@pytest.fixture
def redis(settings: Settings, redis_server: str) -> Iterator["redis_package.Redis"]:
    """A client of the run's Redis; settings.REDIS_PREFIX is this test's own, Celery's queue too."""
    settings.REDIS_URL = redis_server
    settings.REDIS_PREFIX = f"test-{unique()}:"
    _point_celery_to(redis_server, settings.REDIS_PREFIX)
    client = redis_package.Redis.from_url(redis_server)
    yield client
    keys = list(client.scan_iter(match=f"{settings.REDIS_PREFIX}*", count=1000))
    if keys:
        client.delete(*keys)
    client.close()


@pytest.fixture
def own_redis(settings: Settings, tmp_path: Path) -> Iterator[RedisOfRun]:
    """A Redis for this test alone, to empty, to stop and to start again; settings and Celery point to it."""
    run = RedisOfRun(tmp_path)
    run.start()
    settings.REDIS_URL = run.url
    settings.REDIS_PREFIX = f"test-{unique()}:"
    _point_celery_to(run.url, settings.REDIS_PREFIX)
    yield run
    run.service.stop()


def _point_celery_to(url: str, prefix: str) -> None:
    options = {**django_settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": prefix}
    celery_app.conf.update(broker_url=url, broker_transport_options=options)
    # the pools keep the address of the test before
    vars(celery_app)["_pool"] = None
    vars(celery_app.amqp)["_producer_pool"] = None


@pytest.fixture
def kafka(settings: Settings, kafka_server: str) -> Iterator[Kafka]:
    """The run's Kafka, with every topic under a prefix of this test's own; few partitions, for speed."""
    yield from _kafka_for(settings, kafka_server)


@pytest.fixture
def own_cluster(settings: Settings, tmp_path: Path) -> Iterator[Cluster]:
    """A broker for this test alone, to stop and to kill; settings and topics point to it."""
    cluster = Cluster(tmp_path / "kafka")
    cluster.start()
    topics = _kafka_for(settings, cluster.bootstrap)
    next(topics)
    yield cluster
    cluster.stop()


def _kafka_for(settings: Settings, bootstrap: str) -> Iterator[Kafka]:
    settings.KAFKA_BOOTSTRAP_SERVERS = bootstrap.split(",")
    settings.TOPIC_PREFIX = f"test-{unique()}-"
    settings.CLICK_PARTITIONS = settings.ORDER_PARTITIONS = settings.INVENTORY_PARTITIONS = 2
    with topics_of_test(bootstrap):
        yield Kafka(bootstrap, settings.TOPIC_PREFIX)
