"""Whether this machine can run a demo, and how far the loops are behind: here -> `manage.py doctor`."""

import os
import platform
import shutil
import sys
from collections import Counter

from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from shopsite.config import LOCAL_DIR
from shopsite.events.heartbeat import read_beats
from shopsite.events.models import InboxEvent, InboxState, OutboxEvent
from shopsite.runtime.artifacts import JARS, cache_dir, missing_jars, read_lock
from shopsite.runtime.checks import Finding
from shopsite.runtime.java import find_java
from shopsite.runtime.ports import is_free
from shopsite.runtime.precheck import NEEDED_MEGABYTES
from shopsite.runtime.problems import CannotStart
from shopsite.runtime.redis import find_redis

MUCH_LAG = 10_000  # messages; a consumer that works makes that up in seconds
MANY_WAITING = 1_000  # rows of the outbox or the inbox


def check_python() -> Finding:
    """The Python that runs this."""
    version = platform.python_version()
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "python", ok, f"{version} at {sys.executable}", "Use Python 3.11 to 3.13: `make setup` finds one."
    )


def check_java() -> Finding:
    """A Java for the embedded Kafka."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return Finding("java", True, "not needed: KAFKA_BOOTSTRAP_SERVERS is set")
    try:
        java = find_java()
    except CannotStart as problem:
        return Finding("java", False, str(problem), "Run `make setup`.")
    return Finding("java", True, f"{java.version} at {java.path}")


def check_jars() -> Finding:
    """Kafka's jars, whole, in the cache."""
    try:
        folder = cache_dir(JARS)
    except CannotStart as problem:
        return Finding("jars", False, str(problem), "Set SHOP_CACHE_DIR to a folder that can be written.")
    missing, count = missing_jars(folder), len(read_lock())
    if missing:
        mend = "Nothing to do with a network: the next `make demo` fetches them."
        return Finding("jars", False, f"{len(missing)} of {count} are not in {folder}", mend)
    return Finding("jars", True, f"{count} in {folder}, each with its sha256")


def check_redis_server() -> Finding:
    """A Redis to embed."""
    try:
        return Finding("redis server", True, str(find_redis()))
    except CannotStart as problem:
        return Finding("redis server", False, str(problem), "Install Redis 7 or Valkey, or set REDIS_URL.")


def check_disk_space() -> Finding:
    """Room for the demo's data."""
    folder = LOCAL_DIR if LOCAL_DIR.exists() else LOCAL_DIR.parent
    free = shutil.disk_usage(folder).free // 1_000_000
    mend = "Free some room, or set SHOP_LOCAL_DIR to a folder on another disk."
    return Finding("disk", free >= NEEDED_MEGABYTES, f"{free:,} MB free at {folder}", mend)


def check_port(port: int) -> Finding:
    """The shop's port: free, or ours already."""
    if is_free(port):
        return Finding("port", True, f"{port} is free")
    if settings.SHOP_ORIGIN.endswith(f":{port}") and (LOCAL_DIR / "env").exists():
        return Finding("port", True, f"{port} is the running demo's")
    mend = f"Stop what listens there, or choose another: make demo DEMO='--port {port + 1}'."
    return Finding("port", False, f"{port} is in use", mend)


def check_waiting() -> list[Finding]:
    """How many rows wait in the outbox and in the inbox."""
    try:
        outbox = OutboxEvent.objects.filter(published_at__isnull=True).count()
        inbox = InboxEvent.objects.filter(state=InboxState.WAITING).count()
    except DatabaseError as error:
        return [Finding("waiting", False, str(error).splitlines()[0], "Mend the database first.")]
    return [
        Finding(name, count < MANY_WAITING, f"{count:,} wait", f"Look at `manage.py {process}` and its log.")
        for name, count, process in (("outbox", outbox, "relay"), ("inbox", inbox, "worker"))
    ]


def check_lag() -> list[Finding]:
    """How many messages each consumer has still to read, as its heartbeat says."""
    try:
        beats = read_beats()
    except (RedisError, OSError) as error:
        return [Finding("lag", False, str(error), "Mend Redis first.")]
    lags = Counter[str]()
    for beat in beats:
        if "lag" in beat:
            lags[beat["name"]] += int(beat["lag"])
    return [
        Finding(
            f"lag of {name}", lag < MUCH_LAG, f"{lag:,} messages", f"Look at `manage.py {name}` and its log."
        )
        for name, lag in sorted(lags.items())
    ]
