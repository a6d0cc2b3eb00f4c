"""`manage.py demo` from outside: it starts, mends itself, stops, and finds its data again."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka import Producer

from shopsite.runtime.ports import HOST
from tests.support import until
from tests.support.demos import DemoRun, demo, manage, starting
from tests.support.shopper import Shopper

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def all_gone(family: list[psutil.Process]) -> bool:
    """Zombies count as gone: in a container, nobody may collect them."""
    return not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family)


def still_running(family: list[psutil.Process]) -> list[str]:
    return [" ".join(member.cmdline()) for member in family if member.is_running()]


def test_a_demo_mends_itself_and_finds_its_data_again(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    with demo(folder, "--no-traffic") as first:
        told = first.variables()
        assert told["SHOP_ORIGIN"] == first.origin and told["STAFF_PASSWORD"] in first.said()
        assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600
        assert_the_login_link_works_once(first)
        assert_a_second_demo_is_refused(first)
        assert first.command("doctor", "--json").returncode == 0
        assert_what_is_killed_comes_back(first)
        with Shopper(first.origin) as ada:
            (sku,) = first.rows("SELECT sku FROM catalogue_product WHERE listed ORDER BY sku LIMIT 1")[0]
            ada.add(sku)
            order = ada.check_out()
        until(
            lambda: first.rows(f"SELECT status FROM orders_order WHERE order_id = '{order}'") == [("paid",)],
            30,
        )
        family = first.processes()
        first.stop()
        assert first.process.returncode == 0
        assert all_gone(family), still_running(family)
        assert not (folder / "env").exists()

    with demo(folder, "--no-traffic") as second:
        again = second.variables()
        assert again["STAFF_PASSWORD"] == told["STAFF_PASSWORD"]
        assert again["KAFKA_BOOTSTRAP_SERVERS"] == told["KAFKA_BOOTSTRAP_SERVERS"]
        assert second.rows(f"SELECT status FROM orders_order WHERE order_id = '{order}'") == [("paid",)]
        until(lambda: second.report()["orders"] == 1, 30)


def assert_the_login_link_works_once(run: DemoRun) -> None:
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        answer = browser.get(run.link())
        assert answer.url.path == "/dashboard/" and answer.status_code == 200
        assert browser.get(run.link()).url.path == "/dashboard/"  # a reload, logged in already
    spent = httpx.get(run.link(), timeout=20)
    assert spent.status_code == 410 and "has been used" in spent.text


def assert_a_second_demo_is_refused(run: DemoRun) -> None:
    second = run.command("demo", "--port", str(run.port + 1))
    assert second.returncode == 1
    assert "A demo already runs in this folder" in second.stderr and run.origin in second.stderr
    assert second.stderr.count("\n") == 1, second.stderr


def assert_what_is_killed_comes_back(run: DemoRun) -> None:
    for words in (("consume",), ("web",), ("kafka.Kafka",)):
        victim = run.find(*words)
        assert victim, words
        victim.kill()
        killed = time.monotonic()
        until(partial(runs_anew, run, words, victim.pid), within=10)
        assert time.monotonic() - killed < 2, words  # a second, and one for a busy machine
    until(lambda: is_ready(run), within=60)


def runs_anew(run: DemoRun, words: tuple[str, ...], old_pid: int) -> bool:
    new = run.find(*words)
    return new is not None and new.pid != old_pid


def is_ready(run: DemoRun) -> bool:
    try:
        return run.readyz().status_code == 200
    except httpx.TransportError:
        return False


def test_a_demo_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    with demo(tmp_path / "local", "--no-traffic") as run:
        family = run.processes()
        assert len(family) > 6
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
        until(lambda: all_gone(family), within=20)
    with demo(tmp_path / "local", "--no-traffic") as again:
        again.stop()


def test_a_demo_that_is_stopped_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    with starting(tmp_path / "local", "--no-traffic") as run:
        until(lambda: run.find("kafka.Kafka") or run.process.poll(), within=60)
        family = run.processes()
        run.stop()
        assert all_gone(family), still_running(family)
        assert run.process.returncode == 0, run.said()


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            manage("demo", "--port", str(port)),
            env=os.environ | {"SHOP_LOCAL_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Port {port} is in use") and done.stderr.count("\n") == 1
    assert not (tmp_path / "env").exists()


def test_wrong_options_end_with_two(tmp_path: Path) -> None:
    for arguments in (["--port", "http"], ["--port", "80"], ["--brokers", "2"], ["--unknown"]):
        done = subprocess.run(
            manage("demo", *arguments),
            env=os.environ | {"SHOP_LOCAL_DIR": str(tmp_path)},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, arguments


def test_the_shop_goes_on_without_the_leading_broker(tmp_path: Path) -> None:
    with demo(tmp_path / "local", "--no-traffic", "--brokers", "3") as run, Shopper(run.origin) as ada:
        skus = [
            sku for (sku,) in run.rows("SELECT sku FROM catalogue_product WHERE listed ORDER BY sku LIMIT 9")
        ]
        placed = [buy(ada, skus[0])]
        until(lambda: run.report()["orders"] == 1, within=30)
        victim = run.find(leader_settings(run))
        assert victim
        victim.kill()
        killed = time.monotonic()
        for sku in skus[1:]:
            placed.append(buy(ada, sku))
        seen = run.report()["events"].get("view_item", 0)
        until(lambda: (ada.look_at(skus[0]), run.report()["events"].get("view_item", 0) > seen)[1], within=15)
        assert time.monotonic() - killed < 30
        wanted = [(order_id, "paid") for order_id in sorted(placed)]
        until(
            lambda: run.rows("SELECT order_id, status FROM orders_order ORDER BY order_id") == wanted,
            within=60,
        )
        until(lambda: run.report()["orders"] == len(placed), within=30)
        assert charges(run) == [(len(placed), len(placed))]


def charges(run: DemoRun) -> list[tuple[int, int]]:
    """(payments, those captured) of the gateway's own books."""
    with closing(sqlite3.connect(run.folder / "gateway.sqlite3")) as books:
        rows = books.execute("SELECT COUNT(*), SUM(state = 'captured') FROM payment")
        return [(int(payments), int(captured)) for payments, captured in rows]


def buy(shopper: Shopper, sku: str) -> str:
    shopper.add(sku)
    return shopper.check_out()


def leader_settings(run: DemoRun) -> str:
    """The settings file of the broker that leads the first partition of orders, as in its command line."""
    producer = Producer({"bootstrap.servers": run.variables()["KAFKA_BOOTSTRAP_SERVERS"]})
    leader = producer.list_topics("orders", timeout=10).topics["orders"].partitions[0].leader
    return str(run.folder / "kafka" / f"broker{leader}" / "server.properties")
