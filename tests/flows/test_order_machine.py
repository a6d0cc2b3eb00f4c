"""Whatever happens to orders, in whatever order: nothing oversold, money and stock add up, once each.

By hand for longer: SHOP_HYPOTHESIS_EXAMPLES=2000 pytest tests/flows/test_order_machine.py, at random.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.order_machine import Orders

EXAMPLES = int(os.environ.get("SHOP_HYPOTHESIS_EXAMPLES", "0"))  # 0: few, and the same ones each time


@pytest.mark.django_db(transaction=True)
def test_orders_money_and_stock_add_up_whatever_happens() -> None:
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=EXAMPLES or 25,
            stateful_step_count=40,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
