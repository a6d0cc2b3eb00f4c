"""Have a worker start at once on what a transaction has just written. fulfilment -> here -> Celery.

Only a hint: the work is in the database, and the sweep finds it where Redis lost or never had the hint.
A task does all that is due, so while one is called and has not begun (a drain: has not ended) no other is.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis import RedisError

from shopsite.events.redis import is_cluster, redis_client

logger = logging.getLogger(__name__)
REST_SECONDS = 10.0  # where Redis is away, nobody waits for it again so soon
TRUST_SECONDS = 1.0  # an answer of Redis is good for that long
CALLED_SECONDS = 2  # a task that was called and did not begin by then is called again
_quiet_until = 0.0
_trusted_until = 0.0
_here = threading.local()  # tasks that this thread does itself


@contextmanager
def doing(task: str) -> Iterator[list[str]]:
    """This thread does the task itself, where the list has something at the end: so nobody is called for it.

    After an exception somebody is.
    """
    calls: list[str] = []
    setattr(_here, task, calls)
    try:
        yield calls
    except BaseException:
        delattr(_here, task)
        if calls:
            _send(task, ())
        raise
    delattr(_here, task)


def wake(task: str, *args: str | int) -> None:
    """Send a task of shopsite.tasks when the transaction commits; never raises, never waits for long."""
    transaction.on_commit(lambda: _send(task, args))


def awake(task: str, *args: str | int) -> None:
    """A task begins, or is about to look for the last time: what is written from now on needs another one.

    Never raises.
    """
    try:
        redis_client().delete(_flag(task, args))
    except RedisError as error:
        logger.warning("the call for %s runs out by itself: Redis is away (%s)", task, error)


def _send(task: str, args: tuple[str | int, ...]) -> None:
    global _quiet_until
    if (calls := getattr(_here, task, None)) is not None:
        calls.append(task)
        return
    if time.monotonic() < _quiet_until:
        return
    try:
        _ask_redis()
        if redis_client().set(_flag(task, args), 1, nx=True, ex=CALLED_SECONDS):
            current_app.send_task(f"shopsite.tasks.{task}", args=args, retry=False, ignore_result=True)
    except (OperationalError, RedisError) as error:
        _quiet_until = time.monotonic() + REST_SECONDS
        logger.warning("no worker was woken for %s: Redis is away (%s); the sweep will", task, error)


def _flag(task: str, args: tuple[str | int, ...]) -> str:
    return f"{settings.REDIS_PREFIX}called:{':'.join(map(str, (task, *args)))}"


def _ask_redis() -> None:
    """Raise RedisError at once where Celery's is away: it would try for six seconds, in a web request."""
    global _trusted_until
    if time.monotonic() >= _trusted_until:
        redis_client(str(settings.CELERY_BROKER_URL) if is_cluster(settings.REDIS_URL) else "").ping()
        _trusted_until = time.monotonic() + TRUST_SECONDS
