"""PostgreSQL, Kafka, Redis and the shop's own processes, each of them stopped by its id at the end."""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from support import ROOT, SERVERS

from selling.cluster import cluster

if TYPE_CHECKING:
    from shopsite.runtime.service import Program, Service

T = TypeVar("T")


@contextmanager
def stack(partitions: int = 3) -> Iterator[None]:
    """The three servers, and Django in this process set up to see them: tables, products, topics."""
    with ExitStack() as after:
        folder = Path(tempfile.mkdtemp(prefix="shopsite-bench-"))
        after.callback(shutil.rmtree, folder, ignore_errors=True)
        for name in SERVERS:
            os.environ.pop(name, None)
        os.environ.update(
            SHOP_LOCAL_DIR=str(folder),
            DJANGO_SETTINGS_MODULE="shopsite.settings",
            LOG_LEVEL="WARNING",
            DATABASE_URL=after.enter_context(cluster()),
            ORDER_PARTITIONS=str(partitions),
        )
        sys.path.insert(0, str(ROOT))  # before this folder, whose orders.py is not the app
        _start_servers(folder, after)
        _fill()
        yield


def _start_servers(folder: Path, after: ExitStack) -> None:
    from shopsite.runtime.kafka import prepare_kafka
    from shopsite.runtime.redis import prepare_redis
    from shopsite.runtime.service import dismiss_guard

    after.callback(dismiss_guard)
    redis, kafka = prepare_redis(folder / "redis"), prepare_kafka(folder / "kafka")
    os.environ.update(REDIS_URL=redis.url, KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap)
    for program in (redis.program, *kafka.programs):
        after.enter_context(running(program))


def _fill() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from shopsite.events.kafka import close_quietly, make_admin
    from shopsite.events.topics import ensure_topics

    call_command("migrate", verbosity=0)
    call_command("seed", stdout=io.StringIO())
    admin = make_admin()
    ensure_topics(admin)
    close_quietly(admin)


@contextmanager
def running(program: "Program") -> "Iterator[Service]":
    """A program until the block ends, ready when the block begins."""
    from shopsite.runtime.service import Service

    service = Service(program, _complain)
    service.start()
    try:
        service.wait_ready()
        yield service
    finally:
        service.stop()


def _complain(line: str) -> None:
    """Show what a process says where it is more than a word: a benchmark of a broken shop is none."""
    if any(word in line for word in ("ERROR", "Traceback", "Error:")):
        print(f"  | {line}", file=sys.stderr, flush=True)


@contextmanager
def shop(*commands: Sequence[str]) -> "Iterator[list[Service]]":
    """Processes of the shop, each `manage.py NAME ...`, ready when the block begins."""
    from shopsite.runtime.processes import is_beating
    from shopsite.runtime.service import Program

    with ExitStack() as after:
        yield [
            after.enter_context(
                running(
                    Program(
                        name=name,
                        args=[sys.executable, "-u", ROOT / "manage.py", name, *arguments],
                        ready=lambda pid, name=name: is_beating(name, pid),  # type: ignore[misc]
                    )
                )
            )
            for name, *arguments in commands
        ]
