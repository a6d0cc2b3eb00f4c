"""kill -9 of our processes under load: every order that a shopper saw accepted comes to its one right end.

The whole of it by hand: SHOP_KILLS=20 pytest tests/kafka/test_killing.py.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from shopsite.runtime.processes import process_names
from tests.support import until
from tests.support.demos import DemoRun, demo
from tests.support.shop import DECLINED
from tests.support.shoppers import Shoppers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
KILLS = int(os.environ.get("SHOP_KILLS", "2"))  # of each process
VICTIMS = [
    name for name in ("worker", "consume", "relay", "gateway", "web") if name in process_names(traffic=False)
]
LONGEST_LIFE = 2.0  # seconds from a process being back to its end
UNFINISHED = """
SELECT (SELECT COUNT(*) FROM orders_order WHERE status = 'placed')
     + (SELECT COUNT(*) FROM orders_payment WHERE state NOT IN ('captured', 'declined', 'void'))
     + (SELECT COUNT(*) FROM orders_mail WHERE state = 'due')
     + (SELECT COUNT(*) FROM events_outboxevent WHERE published_at IS NULL)
     + (SELECT COUNT(*) FROM events_inboxevent WHERE state = 'waiting')
"""
MESSAGE_ID = re.compile(r"^Message-ID: (\S+)$", re.MULTILINE | re.IGNORECASE)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="httpx")  # a failure is not to be found among a thousand requests


def test_whatever_is_killed_every_accepted_order_ends_right(tmp_path: Path) -> None:
    with demo(tmp_path / "local", "--no-traffic") as run:
        with Shoppers(run.origin, in_stock(run)) as shoppers:
            until(lambda: len(shoppers.accepted) > 5, within=60)
            for victim in random.sample(sorted(VICTIMS) * KILLS, len(VICTIMS) * KILLS):
                kill(run, victim)
            before = len(shoppers.accepted)
            until(lambda: len(shoppers.accepted) > before + 5, within=60)
        until(lambda: run.rows(UNFINISHED) == [(0,)], within=180)  # the leases of the dead run out

        assert stands(run, shoppers.accepted) == {
            order_id: "payment_failed" if card == DECLINED else "paid"
            for order_id, card in shoppers.accepted.items()
        }
        assert broken_laws(run) == ""
        assert_mails_went_out(run)
        for proof in ("reconcile", "audit"):
            until(partial(is_clean, run, proof), within=60)


def in_stock(run: DemoRun) -> list[str]:
    """Products of which there is enough for the whole test."""
    found = run.rows(
        "SELECT sku FROM catalogue_product JOIN inventory_level ON product_id = sku"
        " WHERE listed ORDER BY on_hand DESC LIMIT 12"
    )
    return [sku for (sku,) in found]


def kill(run: DemoRun, name: str) -> None:
    """SIGKILL at a random moment; returns when the supervisor has started another."""
    victim = until(lambda: run.find(str(name)), within=30)
    assert victim is not None
    time.sleep(random.uniform(0.0, LONGEST_LIFE))  # the moment of death is what is tried here
    victim.kill()
    until(lambda: (again := run.find(name)) and again.pid != victim.pid, within=30)


def stands(run: DemoRun, order_ids: dict[str, str]) -> dict[str, str]:
    """Where these orders stand."""
    rows = run.rows("SELECT order_id, status FROM orders_order")
    return {order_id: status for order_id, status in rows if order_id in order_ids}


def broken_laws(run: DemoRun) -> str:
    """Every law of a shop at rest that does not hold in the demo."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.ask_laws"],
        env=run.env() | {"DJANGO_SETTINGS_MODULE": "shopsite.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def assert_mails_went_out(run: DemoRun) -> None:
    """Each mail once; only the one that a worker had in its hands when it died may come again."""
    texts = [path.read_text() for path in (run.folder / "mail").iterdir()]
    sent = Counter(name for text in texts for name in MESSAGE_ID.findall(text))
    wanted = {name for (name,) in run.rows("SELECT message_id FROM orders_mail WHERE state = 'sent'")}
    assert sent.keys() == wanted
    assert sent.total() - len(sent) <= KILLS


def is_clean(run: DemoRun, proof: str) -> bool:
    """Whether the command finds everything right."""
    done = run.command(proof, "--json")
    assert done.stdout, done.stderr
    return bool(json.loads(done.stdout)["ok"])
