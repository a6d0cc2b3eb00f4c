"""The relay is told of new rows after the commit, once a transaction, never of what was rolled back."""

import threading

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from shopsite.events.outbox import CHANNEL, forward
from shopsite.events.waker import ListenWaker
from tests.support import child_env

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite the relay looks by itself"),
]


def tell(key: str) -> None:
    forward("orders.dlq", key=key, event_id=key, value=b"{}", headers={})


def heard(listener: "psycopg.Connection[tuple[object, ...]]") -> int:
    """How many notifications have come, with one of our own behind them."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}, 'end'")
    for count, notification in enumerate(listener.notifies(timeout=10)):
        if notification.payload == "end":
            return count
    raise AssertionError("not even the last one came")


def test_several_events_of_a_transaction_wake_the_relay_once_after_it() -> None:
    with psycopg.connect(child_env()["DATABASE_URL"], autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with transaction.atomic():
            tell("a")
            tell("b")
        assert heard(listener) == 1


def test_a_part_that_was_rolled_back_does_not_keep_the_rest_from_waking_it() -> None:
    with psycopg.connect(child_env()["DATABASE_URL"], autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic():
                tell("a")
                raise RuntimeError
            tell("b")
        assert heard(listener) == 1


def test_a_database_that_is_away_is_told_as_such_and_listened_to_when_it_is_back() -> None:
    waker, goes_on = ListenWaker(), threading.Event()
    params = connection.get_connection_params()
    with pytest.MonkeyPatch.context() as away:
        away.setattr(connection, "get_connection_params", lambda: params | {"host": "127.0.0.1", "port": 1})
        with pytest.raises(OperationalError, match="no notifications"):
            waker.wait(goes_on)
    try:
        waker.wait(goes_on)
        tell("a")
        waker.wait(goes_on)
    finally:
        waker.close()
