"""Recordings through every process, down to `report`: the figures are those counted beside the project."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import redis as redis_package
from django.core.management import call_command

from inventory.models import Level, Movement
from orders.models import Mail, Order
from shopsite.events.models import InboxEvent, OutboxEvent
from shopsite.traffic import history
from shopsite.traffic.models import Sending
from tests.support import until
from tests.support.recordings import ONLINE_RETAIL, REES46, facts, needs_shared
from tests.support.servers import Kafka
from tests.support.shop import stock_is_sound
from tests.support.site import processes

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WHOLE = ("relay", "consume", "worker", "aggregate")


@pytest.fixture
def running(kafka: Kafka, redis: redis_package.Redis) -> Iterator[None]:
    with processes(*WHOLE):
        yield


def replay(path: Path, format_name: str, *more: str) -> dict[str, Any]:
    out = StringIO()
    call_command("replay", str(path), "--format", format_name, "--keep-time", "--json", *more, stdout=out)
    summary: dict[str, Any] = json.loads(out.getvalue())
    return summary


def report(begin: str, end: str) -> dict[str, Any]:
    out = StringIO()
    call_command("report", "--from", begin, "--to", end, "--json", "--top", "5000", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def settled() -> bool:
    """Whether nothing is on its way any more."""
    waiting = InboxEvent.objects.filter(state="waiting").exists()
    return not waiting and not OutboxEvent.objects.filter(published_at=None).exists()


@needs_shared
def test_rees46_is_right_to_the_minute(running: None) -> None:
    replay(REES46, "rees46")
    known = facts(REES46)
    begin, end = "2019-11-01T00:00:00Z", "2019-11-01T00:05:00Z"
    until(lambda: report(begin, end)["orders"] == 2, within=60)
    found = until(lambda: (r := report(begin, end))["events"].get("view_item") == 677 and r, within=30)
    at, views, _carts, orders, *_ = known["busiest_minute"]
    busiest = next(minute for minute in found["minutes"] if minute["at"].startswith(at.replace(" ", "T")))
    assert found["events"] == {"view_item": 677, "add_to_cart": known["events_by_type"]["cart"]}
    assert found["revenue"] == {"USD": known["purchase_revenue_sum_price"]}
    assert (busiest["events"], busiest["orders"]) == ({"view_item": views}, orders)
    views_of = {product["product_id"]: product["views"] for product in found["products"]}
    assert all(views_of[sku] == count for sku, _, _, count in known["top10_products_by_view"])


def kinds_of(path: Path) -> dict[str, list[dict[str, str]]]:
    """The lines of a recording by kind, as its README says, by csv alone."""
    kinds: dict[str, list[dict[str, str]]] = {"sale": [], "back": [], "adjustment": [], "gift": []}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            price, quantity = Decimal(row["UnitPrice"]), int(row["Quantity"])
            if row["InvoiceNo"].startswith("C"):
                kinds["back"].append(row)
            elif price:
                kinds["sale"].append(row)
            else:
                kinds["adjustment" if quantity < 0 else "gift"].append(row)
    return kinds


def figures(rows: list[dict[str, str]], sign: int) -> dict[str, object]:
    amount = sum((int(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in rows), Decimal(0))
    return {
        "orders": len({row["InvoiceNo"] for row in rows}),
        "lines": len(rows),
        "units": sign * sum(int(row["Quantity"]) for row in rows),
        "amount": sign * amount,
    }


def stock_of(rows: list[dict[str, str]]) -> dict[str, int]:
    return {"events": len(rows), "change": -sum(abs(int(row["Quantity"])) for row in rows)}


@needs_shared
def test_a_part_of_online_retail_is_right_to_the_last_unit_and_twice_changes_nothing(
    running: None, tmp_path: Path
) -> None:
    path = tmp_path / "part.csv"
    with gzip.open(ONLINE_RETAIL, "rb") as whole, path.open("wb") as part:
        part.writelines(islice(whole, 4_000))  # with the first refunds, gifts and adjustments
    kinds = kinds_of(path)
    assert all(kinds.values())

    def whole_report() -> dict[str, Any]:
        """The report, empty until it has all lines and all sales of the ledger: these are two topics."""
        found = report("2010-12-01", "2010-12-10")
        sales = Movement.objects.filter(reason="sale").count()
        is_whole = (
            found["lines"] >= len(kinds["sale"]) and found["stock"].get("sale", {}).get("events", 0) >= sales
        )
        return found if is_whole else {}

    def check() -> dict[str, Any]:
        until(settled, within=60)
        expected = figures(kinds["sale"], 1)
        found = until(whole_report, within=30)
        sold = {name: found[name] for name in ("orders", "lines", "units")}
        assert {**sold, "amount": Decimal(found["revenue"]["GBP"])} == expected
        back = found["refunds"]
        assert {**back, "amount": Decimal(back["amount"]["GBP"])} == figures(kinds["back"], -1)
        assert found["stock"]["adjustment"] == stock_of(kinds["adjustment"])
        assert found["stock"]["gift"] == stock_of(kinds["gift"])
        revenue: Counter[str] = Counter()
        for row in kinds["sale"]:
            revenue[row["StockCode"]] += int(Decimal(row["UnitPrice"]) * 1000) * int(row["Quantity"])
        top = {
            each["product_id"]: Decimal(each["revenue"].get("GBP", 0)) * 1000 for each in found["products"]
        }
        assert {sku: top[sku] for sku in revenue} == revenue
        return found

    replay(path, "online-retail")
    first = check()
    counts = Order.objects.count(), Movement.objects.count()
    assert Mail.objects.exclude(state="not_sent").count() == 0
    assert Level.objects.filter(on_hand__lt=0).count() == 0
    assert stock_is_sound()

    replay(path, "online-retail")
    assert check() == first
    assert (Order.objects.count(), Movement.objects.count()) == counts


def test_the_past_is_sent_once_in_a_shops_life(
    running: None, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "VISITS_A_DAY", 100)
    monkeypatch.setattr(history, "LIVE_RATE", 12)
    call_command("seed", verbosity=0)
    call_command("simulate", "--once-history", "--seed", "5")
    sent = Sending.objects.get()
    now = datetime.now(UTC)
    begin, end = f"{now - timedelta(days=15):%Y-%m-%d}", f"{now + timedelta(days=1):%Y-%m-%d}"
    told = {message.key() for message in kafka.read("orders")}
    until(lambda: Order.objects.count() == len(told) and settled(), within=120)
    orders = Order.objects.filter(status="delivered").count()
    found = until(lambda: (r := report(begin, end))["orders"] == orders and r, within=60)
    assert orders > 30
    assert sum(found["events"].values()) > 5_000

    call_command("simulate", "--once-history", "--seed", "6")
    assert Sending.objects.get().finished_at == sent.finished_at
    assert Order.objects.filter(status="delivered").count() == orders
