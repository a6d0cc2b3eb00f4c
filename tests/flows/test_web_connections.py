"""Requests of one web process share their connections to PostgreSQL; SQLite needs none of it."""

import copy
from collections.abc import Iterator

import httpx
import pytest
from django.db import connection, connections

from shopsite.runtime.ports import answers, free_port
from shopsite.runtime.service import Program, Service
from shopsite.runtime.web import share_connections
from tests.support import child_env
from tests.support.demos import manage

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections")
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def web(redis: object) -> Iterator[httpx.Client]:
    """A web process of its own, and somebody who asks it."""
    port = free_port()
    args = manage("web", "--port", str(port))
    server = Service(Program("web", args, child_env(LOG_LEVEL="WARNING"), ready=lambda _pid: answers(port)))
    server.start()
    try:
        server.wait_ready()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.stop()


def sessions() -> set[int]:
    """The server's processes that serve others than this test."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pid {OTHERS}")
        return {pid for (pid,) in cursor.fetchall()}


@on_postgresql
def test_a_request_hands_its_connection_on_to_the_next(web: httpx.Client) -> None:
    assert web.get("/").status_code == 200
    first = sessions()
    assert first
    for _ in range(10):
        assert web.get("/").status_code == 200
    now = sessions()
    assert first <= now
    assert len(now - first) <= 1, "the thread that reads ahead may have taken one of its own meanwhile"


@on_postgresql
def test_a_connection_that_the_server_has_closed_costs_no_request(web: httpx.Client) -> None:
    assert web.get("/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}")
    assert [web.get("/").status_code for _ in range(4)] == [200] * 4


@pytest.mark.skipif(connection.vendor == "postgresql", reason="the test's own connection is of no pool")
def test_sqlite_is_left_as_it_is() -> None:
    before = copy.deepcopy(connections.settings)
    share_connections()
    assert connections.settings == before
