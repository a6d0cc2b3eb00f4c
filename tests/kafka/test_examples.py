"""README's producer and consumer of ten lines each: the files are what it shows, and they run."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shopsite.config import BASE_DIR
from shopsite.events.schemas import OrderPlaced, read_order
from tests.support import until
from tests.support.servers import Kafka

ROOT = BASE_DIR
PRODUCER, CONSUMER = (ROOT / "docs" / "examples" / name for name in ("producer.py", "consumer.py"))


def test_readme_shows_the_examples_and_they_have_ten_lines() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for path in (PRODUCER, CONSUMER):
        assert path.read_text() in shown
        assert len([line for line in path.read_text().splitlines() if line]) <= 10


@pytest.mark.kafka
def test_the_producers_message_is_a_valid_order(kafka: Kafka) -> None:
    run = [sys.executable, str(PRODUCER), kafka.bootstrap, kafka.topic("orders"), "456"]
    subprocess.run(run, check=True, timeout=30)
    (message,) = kafka.read("orders")
    assert message.key() == b"456"
    order = read_order(message.value(), origin="orders:0:0", now=datetime.now(UTC))
    assert isinstance(order, OrderPlaced)
    assert (order.order_id, order.product_ids) == ("456", ["abc", "def"])


@pytest.mark.kafka
def test_the_consumer_tells_what_becomes_of_orders(kafka: Kafka, tmp_path: Path) -> None:
    kafka.send("orders", json.dumps({"order_id": "456", "amount": 99.99}))
    kafka.send("orders", json.dumps({"order_id": "456", "amount": 99.99, "type": "order_paid"}))
    told = tmp_path / "told"
    with told.open("wb") as out:
        run = [sys.executable, str(CONSUMER), kafka.bootstrap, kafka.topic("orders"), "me"]
        consumer = subprocess.Popen(run, stdout=out)
        try:
            until(lambda: len(told.read_text().splitlines()) == 2, within=30)
        finally:
            consumer.kill()
            consumer.wait()
    assert sorted(told.read_text().splitlines()) == ["456 order_paid 99.99", "456 order_placed 99.99"]
