"""What tests of every tier share: waiting without sleeping, and the surroundings of child processes."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import connection

Seen = TypeVar("Seen")


def until(predicate: Callable[[], Seen], within: float = 10.0) -> Seen:
    """The first true answer of the predicate. Raises AssertionError when none came in time (seconds)."""
    deadline = time.monotonic() + within
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"not true within {within:g} s: {name} (last answer {answer!r})")
        time.sleep(0.02)
    return answer


def child_env(**more: str) -> dict[str, str]:
    """The environment in which a child process sees this test's database, Kafka and Redis."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
        url = f"postgres://{login}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    gateway = ("GATEWAY_URL", "GATEWAY_KEY", "GATEWAY_ACCOUNT", "WEBHOOK_SECRET", "WEBHOOK_ORIGIN")
    names = (*gateway, "TOPIC_PREFIX", "REDIS_URL", "REDIS_PREFIX", "CLICK_PARTITIONS", "ORDER_PARTITIONS")
    return {
        **os.environ,
        **{name: str(getattr(settings, name)) for name in (*names, "INVENTORY_PARTITIONS", "SECRET_KEY")},
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(settings.KAFKA_BOOTSTRAP_SERVERS),
        "DATABASE_URL": url,
        "LEASE_SECONDS": "15",  # what a dead one had taken up is soon free
        "EMAIL_TIMEOUT_SECONDS": "5",  # a lease outlives three of them
        **more,
    }
