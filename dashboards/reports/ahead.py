"""Read what people ask for, before they do. A server process at its start -> here -> selectors.py.

A process remembers what it has read (decision 027): only its first report of a range takes long, and nobody
waits for that one.
"""

import logging
from datetime import UTC, datetime
from threading import Thread

from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from dashboards.reports.period import PRESETS, read_period
from dashboards.reports.selectors import report
from shopsite.events.redis import redis_client

log = logging.getLogger(__name__)


def read_ahead_aside() -> None:
    """Read the ranges that pages offer, once each, in a thread that ends then."""

    def run() -> None:
        read_ahead(datetime.now(UTC))
        connections.close_all()

    Thread(target=run, name="read-ahead", daemon=True).start()


def read_ahead(now: datetime) -> None:
    """The same, at once."""
    try:
        for preset in PRESETS:
            asked = read_period({"range": preset}, now)
            report(redis_client(), asked.start, asked.end)
    except (RedisError, DatabaseError) as error:  # who opens a page is told of it there
        log.warning("no figures were read ahead, so the first report takes longer: %s", error)
