"""Killed -9 in the middle of a charge, the bank or our worker: one charge in the end, and the right state."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from orders.models import Order, PaymentCall
from orders.payments.gateway import NoAnswer, Standing
from orders.payments.simulated import SimulatedGateway
from shopsite.fulfilment import charge
from tests.support import child_env, until
from tests.support.gateway import Bank
from tests.support.laws import breaches
from tests.support.servers import scratch, unique
from tests.support.shop import NUMBERS, level, place, product, read_back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def _mortal_bank() -> Iterator[Bank]:
    with scratch("mortal-bank") as folder:
        run = Bank(folder, hold=60)
        yield run
        run.stop()


@pytest.fixture
def mortal(_mortal_bank: Bank, settings: Settings) -> Bank:
    """A bank of this file's own, to be killed; it keeps a lost answer back until it dies."""
    _mortal_bank.start()
    settings.GATEWAY_URL, settings.GATEWAY_ACCOUNT = _mortal_bank.url, unique()
    return _mortal_bank


def kill(bank: Bank) -> None:
    """SIGKILL; the next start() finds its books."""
    assert bank.service.pid
    os.kill(bank.service.pid, signal.SIGKILL)
    until(lambda: not bank.service.is_alive())
    bank.service.bury()


def ordered(outcome: str = "approve") -> Order:
    product("MUG", 5)
    order = place({"MUG": 2}, card=NUMBERS[outcome])
    read_back(order)
    return order


def pauses_are_over(order: Order) -> None:
    """A minute later: nobody has the lease of this order's payment any more."""
    assert order.payments.filter(state="due").update(next_try_at=timezone.now()) == 1


def assert_charged_once(order: Order, bank: Bank) -> None:
    """Paid, by one authorisation and one capture that took the money, and everything adds up."""
    order.refresh_from_db()
    assert order.status == "paid"
    assert bank.asked(order.pk, "authorise") == 1
    assert bank.money(order.pk) == (order.amount, Decimal(0))
    assert order.history.filter(to_status="paid").count() == 1
    assert level("MUG") == (3, 0)
    assert breaches() == []


def test_a_bank_that_is_killed_while_it_answers_has_charged_once(mortal: Bank) -> None:
    order = ordered("timeout")  # the bank has set the money aside, and its answer hangs

    def work() -> None:
        charge(order.pk)
        connections.close_all()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    until(lambda: mortal.asked(order.pk, "authorise") == 1)
    kill(mortal)
    worker.join(30)
    assert order.payments.get().state == "due"
    mortal.start()
    pauses_are_over(order)
    charge(order.pk)
    assert_charged_once(order, mortal)


def test_a_bank_that_is_killed_when_it_has_taken_the_money_took_it_once(
    mortal: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = SimulatedGateway.capture

    def fatal(gateway: SimulatedGateway, **call: Any) -> Standing:
        capture(gateway, **call)
        kill(mortal)
        raise NoAnswer("It died before it had answered.")

    order = ordered()
    with monkeypatch.context() as broken:
        broken.setattr(SimulatedGateway, "capture", fatal)
        charge(order.pk)
    order.refresh_from_db()
    assert (order.status, order.payments.get().state) == ("placed", "due")
    assert level("MUG") == (5, 2)
    mortal.start()
    pauses_are_over(order)
    charge(order.pk)
    assert_charged_once(order, mortal)


@pytest.mark.parametrize("moment", ["before capture", "after capture"])
def test_a_worker_that_is_killed_in_mid_charge_leaves_one_charge_to_whoever_comes_next(
    bank: Bank, moment: str
) -> None:
    order = ordered()
    command = [sys.executable, "-m", "tests.support.charge_and_die", moment, order.pk]
    env = child_env(DJANGO_SETTINGS_MODULE="shopsite.settings", LOG_LEVEL="ERROR")
    assert subprocess.run(command, env=env, timeout=60, check=False).returncode == -signal.SIGKILL
    charge(order.pk)  # the lease of the dead one still runs
    assert order.payments.get().state == "due"
    assert bank.asked(order.pk, "authorise") == 1
    assert not PaymentCall.objects.exclude(
        answered_at=None
    ).exists()  # their rows were written before, and no more
    pauses_are_over(order)
    charge(order.pk)
    assert_charged_once(order, bank)
