"""What is exported and read back makes the same figures, through every process, in an empty shop."""

from pathlib import Path
from typing import Any

import pytest
import redis as redis_package
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.kafka.test_replayed_figures import WHOLE, replay, report, settled
from tests.support import until
from tests.support.recordings import retail_file
from tests.support.servers import Kafka, topics_of_test, unique
from tests.support.site import processes

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
DAYS = ("2010-12-01", "2010-12-03")
RETAIL = (
    "536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
    "536365,71053,LANTERN,2,2010-12-01 08:26:00,3.39,17850,United Kingdom",
    "536366,71053,LANTERN,4,2010-12-02 09:00:00,3.39,13047,France",
    "C536379,71053,LANTERN,-1,2010-12-02 09:41:00,3.39,17850,United Kingdom",
    "536390,85123A,HOLDER,-2,2010-12-02 10:00:00,0.0,,United Kingdom",
)
CLICKS = (
    '{"user_id": "17850", "product_id": "71053", "timestamp": "2010-12-01T08:20:00Z", "session_id": "s"}',
    '{"user_id": "13047", "product_id": "71053", "timestamp": "2010-12-02T08:20:00Z", "type": "add_to_cart"}',
    '{"user_id": "1", "product_id": null, "timestamp": "2010-12-05T08:20:00Z", "type": "page_view"}',
)
MOVES = 3 + 1 + 1  # lines sold, given back, adjusted: told by the worker after the orders were counted


def figures(orders: int, carts: int) -> dict[str, Any]:
    until(settled, within=60)
    found = until(
        lambda: (
            (r := report(*DAYS))["orders"] >= orders
            and r["events"].get("add_to_cart", 0) >= carts
            and r["refunds"]["orders"] >= orders - 1
            and sum(moved["events"] for reason, moved in r["stock"].items() if reason != "opening") >= MOVES
            and r
        ),
        within=60,
    )
    found["stock"].pop("opening")  # each replay opens what its recording takes out
    return found


def test_an_export_that_is_read_back_gives_equal_figures(
    kafka: Kafka, redis: redis_package.Redis, settings: Settings, tmp_path: Path
) -> None:
    with processes(*WHOLE):
        replay(retail_file(tmp_path, RETAIL), "online-retail")
        (tmp_path / "clicks.jsonl").write_text("\n".join(CLICKS) + "\n")
        replay(tmp_path / "clicks.jsonl", "jsonl")
        first = figures(orders=2, carts=1)
    out = tmp_path / "export.jsonl"
    call_command("export", "--from", DAYS[0], "--to", DAYS[1], "--out", str(out))
    assert (
        len(out.read_text().splitlines()) == 2 + 3 + 3
    )  # clicks, orders and a refund, stock opened and adjusted

    call_command("flush", interactive=False, verbosity=0)  # an empty shop
    settings.TOPIC_PREFIX, settings.REDIS_PREFIX = f"test-{unique()}-", f"test-{unique()}:"
    with topics_of_test(kafka.bootstrap), processes(*WHOLE):
        replay(out, "jsonl")
        assert figures(orders=2, carts=1) == first


def test_a_wrong_range_or_a_file_that_exists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--from must be before --to"):
        call_command("export", "--from", "2024-01-02", "--to", "2024-01-02")
    (tmp_path / "there").write_text("x")
    with pytest.raises(CommandError, match="exists: give another name"):
        call_command("export", "--from", "2024-01-01", "--to", "2024-01-02", "--out", str(tmp_path / "there"))
