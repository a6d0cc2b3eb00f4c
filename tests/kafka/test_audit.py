"""The audit agrees with a shop that is sound, and names each thing that was tampered with."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from redis import Redis

from dashboards.counting.steps import SIZE
from dashboards.keys import bucket, first_keys
from dashboards.proof.verdict import read_verdict
from dashboards.reports.selectors import report, rfc3339
from inventory.models import Level, Movement
from orders.models import Order
from shopsite.audit import Audit, audit
from shopsite.events.models import DeadLetter, OutboxEvent
from shopsite.events.redis import redis_client
from tests.support import until
from tests.support.servers import Kafka
from tests.support.shop import product
from tests.support.site import processes
from tests.support.tamper import tamper

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
AT = "2024-06-18T12:34:56Z"


def differing(found: Audit) -> dict[str, tuple[object, object]]:
    return {check.name: (check.log, check.stored) for check in found.checks if not check.ok}


def audited_by(processes: int, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """An audit whose partitions are counted in processes of their own."""
    with monkeypatch.context() as here:
        here.setattr("dashboards.proof.audit.cores_to_use", lambda: processes)
        here.setattr("dashboards.proof.audit.MANY", 0)
        return audit(redis_client())


@pytest.fixture
def shop(kafka: Kafka, redis: Redis) -> Iterator[None]:
    """A shop that took clicks, orders and stock events, good and bad ones, and is at rest."""
    product("MUG", stock=50)
    clicks = [{"user_id": f"u{n}", "product_id": "MUG", "timestamp": AT} for n in range(20)]
    kafka.send_many("clicks", [(str(click["user_id"]), json.dumps(click)) for click in clicks])
    kafka.send("clicks", "not a click", key="x")
    order = {
        "order_id": "456",
        "user_id": "u1",
        "product_ids": ["MUG", "CUP"],
        "amount": 99.99,
        "timestamp": AT,
    }
    kafka.send("orders", json.dumps(order), key="456")
    kafka.send("orders", json.dumps(order | {"order_id": "457", "status": "delivered"}), key="457")
    kafka.send("orders", json.dumps(order | {"order_id": "C458", "status": "refunded"}), key="C458")
    kafka.send("orders", '{"order_id": "459"}', key="459")
    kafka.send(
        "inventory", json.dumps({"product_id": "MUG", "quantity_change": 7, "timestamp": AT}), key="MUG"
    )
    with processes("relay", "consume", "worker", "beat", "aggregate"):
        until(lambda: at_rest() and folded(), within=90)
    yield


def supply(kafka: Kafka, change: int) -> None:
    event = {"product_id": "MUG", "quantity_change": change, "timestamp": AT}
    kafka.send("inventory", json.dumps(event), key="MUG")


def folded() -> bool:
    found = report(redis_client(), datetime(2024, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    moves = sum(reason["events"] for reason in found.stock.values())
    return (found.events, found.orders["orders"], found.refunds.orders, moves) == ({"view_item": 20}, 2, 1, 8)


def at_rest() -> bool:
    return (
        Order.objects.filter(pk="456", status="paid").exists()
        and DeadLetter.objects.filter(topic="orders").count() == 1
        and not OutboxEvent.objects.filter(published_at=None).exists()
    )


def test_a_sound_shop_agrees_and_lag_is_no_error(
    shop: None, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = audit(redis_client())

    assert differing(found) == {}
    again = audited_by(2, monkeypatch)
    assert (again.checks, again.notes, again.events) == (found.checks, found.notes, found.events)
    totals = {check.name: check.stored for check in found.checks}
    assert totals["clicks: view_item"] == 20
    assert totals["paid orders"] == 2
    assert totals["revenue EUR"] == "199.98"
    assert totals["refunded EUR"] == "99.99"
    assert totals["orders placed in the log that are in the database"] == 3
    assert totals["dead letters of clicks"] == totals["dead letters of orders"] == 1

    later = {"order_id": "later", "user_id": "u1", "product_ids": ["MUG"], "amount": 5, "timestamp": AT}
    kafka.send("orders", json.dumps(later), key="later")
    kafka.send("clicks", json.dumps({"user_id": "u9", "product_id": "MUG", "timestamp": AT}), key="u9")
    kafka.send(
        "inventory", json.dumps({"product_id": "MUG", "quantity_change": 1, "timestamp": AT}), key="MUG"
    )

    assert audit(redis_client()).ok


def test_a_count_an_order_and_a_stock_row_that_were_changed_are_named(
    shop: None, redis: Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tp = next(tp for tp in ("clicks-0", "clicks-1") if redis.zcard(first_keys().days(tp)))
    minute = bucket(1_718_714_096, "m")
    redis.hincrby(first_keys().bucket(tp, "m", minute, "products"), "v|MUG", 3)
    redis.pfadd(first_keys().bucket(tp, "d", bucket(minute, "d"), "visitors"), "somebody", "else")
    Order.objects.filter(pk="456").update(amount="1.00")
    Order.objects.filter(pk="457").update(status="cancelled")
    assert tamper("UPDATE inventory_movement SET change = 8 WHERE origin IS NOT NULL")
    Level.objects.filter(pk="CUP").update(on_hand=F("on_hand") + 1)

    with pytest.raises(SystemExit) as exit_:
        call_command("audit", "--json")

    assert exit_.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert [check.as_json() for check in audited_by(2, monkeypatch).checks] == told["checks"]
    kept = read_verdict()
    assert kept is not None
    assert (kept.differ, kept.checks) == (
        sum(not check["ok"] for check in told["checks"]),
        len(told["checks"]),
    )
    names = {check["name"] for check in told["checks"] if not check["ok"]}
    assert f"products v|MUG, minute 2024-06-18T12:34:00Z, {tp}" in names
    assert f"visitors, day 2024-06-18T00:00:00Z, {tp}" in names
    assert {"order 456: amount", "order 457: status, which its history ends with"} <= names
    assert "stock on hand of CUP" in names
    assert any(name.startswith("ledger row ") for name in names)


def test_a_minute_whose_steps_were_changed_is_named(kafka: Kafka, redis: Redis) -> None:
    now = datetime.now(UTC) - timedelta(minutes=3)
    clicks = [{"user_id": f"u{n}", "product_id": "MUG", "timestamp": now.isoformat()} for n in range(5)]
    kafka.send_many("clicks", [("MUG", json.dumps(click)) for click in clicks])
    bot = {"user_id": "bot", "product_id": "MUG", "timestamp": now.isoformat(), "bot": True}
    kafka.send("clicks", json.dumps(bot), key="MUG")
    minute = bucket(now, "m")
    with processes("aggregate"):
        until(lambda: sum(map(redis.strlen, steps_of(redis, minute))) == 5 * SIZE, within=60)

    sound = audit(redis_client())
    assert differing(sound) == {}
    assert {check.name: check.stored for check in sound.checks}["steps of the last half hour"] == 5

    (key,) = steps_of(redis, minute)
    text = redis.get(key)
    assert isinstance(text, bytes)
    redis.set(key, text[SIZE:] + b"x" * SIZE)
    name = f"steps, minute {rfc3339(minute)}, {key.partition('{')[2].partition('}')[0]}"
    assert differing(audit(redis_client())) == {name: (5, "5: 1 missing, 1 that the log has not")}

    redis.set(key, text + text[:SIZE])
    assert differing(audit(redis_client()))[name] == (5, "6: 0 missing, 1 that the log has not")
    redis.delete(key)
    assert differing(audit(redis_client()))[name] == (5, "0: 5 missing, 0 that the log has not")


def steps_of(redis: Redis, minute: int) -> list[str]:
    """The keys of a minute's steps of all partitions of clicks that have any."""
    keys = [first_keys().steps(f"clicks-{number}", minute) for number in range(2)]
    return [key for key in keys if redis.exists(key)]


def test_an_order_and_a_ledger_row_that_are_gone_or_invented_are_named(shop: None) -> None:
    gone = Movement.objects.exclude(origin=None).get()
    assert tamper("DELETE FROM inventory_movement WHERE origin IS NOT NULL") == 1
    copy = Order.objects.get(pk="456")
    Order.objects.filter(pk="C458").delete()
    copy.pk = "invented"
    copy.save(force_insert=True)

    found = differing(audit(redis_client()))

    assert found["order C458"] == ("placed", "not in the database")
    assert found["order invented"] == ("not in the log", "in the database")
    assert found[f"ledger row {gone.event_id}"] == ("+7 MUG", "not in the ledger")
