"""What a filter shows of made-up traffic equals a recount of the log, whatever batches it came in."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import redis as redis_package
from django.conf import settings

from dashboards.screen import sights
from dashboards.screen.filters import View
from dashboards.screen.hub import Hub
from dashboards.screen.window import STAGES
from tests.support.live import happens
from tests.support.watching import watching

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
Events = list[dict[str, Any]]
TYPES = (
    "view_item",
    "view_item",
    "view_item",
    "add_to_cart",
    "begin_checkout",
    "page_view",
    "remove_from_cart",
)
VALUES = {
    "country": ("DE", "AT", None),
    "device": ("phone", "desktop"),
    "source": ("a.example", "b.example", None),
}
SKUS = ("MUG", "HAT", "TEA")
TABS = {"country": "countries", "device": "devices", "source": "sources"}


def traffic(random: Random, now: datetime) -> tuple[Events, Events]:
    """Clicks and paid orders of the last half hour; none about five minutes ago."""

    def event(number: int) -> dict[str, Any]:
        ago = random.choice((random.uniform(2, 270), random.uniform(330, 1700)))
        values = {by: random.choice(some) for by, some in VALUES.items()}
        user = f"u{random.randrange(40)}"
        came_from = f"https://{values['source']}/" if values["source"] else None
        return {
            "user_id": user,
            "timestamp": (now - timedelta(seconds=ago)).isoformat(),
            "n": number,
            "referrer": came_from,
            **values,
        }

    clicks = [
        event(n)
        | {"type": random.choice(TYPES), "product_id": random.choice(SKUS), "bot": random.random() < 0.1}
        for n in range(300)
    ]
    orders = [
        event(n)
        | {
            "order_id": f"o{n}", "type": "order_paid", "event_id": f"paid-o{n}", "amount": f"{n}.50",
            "currency": settings.SHOP_CURRENCY, "previous": "placed", "status": "paid",
            "lines": [{"product_id": random.choice(SKUS), "quantity": 1 + n % 3, "price": "3"}],
        }
        for n in range(30)
    ]  # fmt: skip
    return clicks, orders


def people(events: Iterable[dict[str, Any]], type_: str = "") -> int:
    return len({event["user_id"] for event in events if type_ in ("", event["type"])})


def rows(seen: Events, bought: Events) -> dict[str, list[int]]:
    """Product -> carts and sold."""
    kinds = Counter((click["product_id"], click["type"]) for click in seen)
    sold = Counter[str]()
    for order in bought:
        sold.update({line["product_id"]: line["quantity"] for line in order["lines"]})
    left = {sku: kinds[sku, "add_to_cart"] - kinds[sku, "remove_from_cart"] - sold[sku] for sku in SKUS}
    return {sku: [max(0, left[sku]), sold[sku]] for sku in SKUS}


def fits(event: dict[str, Any], view: View, *, but: str = "") -> bool:
    """Whether it has the values of the view, one of them left out of account."""
    products = [line["product_id"] for line in event.get("lines", [event])]
    return all(
        value in products if by == "product" else bool(event[by] == value)
        for by, value in view.values.items()
        if by != but
    )


@pytest.mark.parametrize(
    "view",
    [
        View("country", "DE"),
        View("device", "phone"),
        View("source", "a.example"),
        View("product", "MUG"),
        View("country", "DE", also=(("device", "phone"),)),
        View("product", "MUG", also=(("source", "a.example"), ("country", "AT"))),
    ],
    ids=lambda view: "+".join(view.values),
)
async def test_what_a_filter_shows_equals_a_recount(hub: Hub, redis: Redis, view: View) -> None:
    random, now = Random(view.value), datetime.now(UTC)
    clicks, orders = traffic(random, now)
    for partition in range(3):  # a person is in one partition, as the key sees to it
        own = [click for click in clicks if int(click["user_id"][1:]) % 3 == partition]
        while own:
            size = random.randrange(1, 60)
            happens(redis, f"clicks-{partition}", *own[:size])
            own = own[size:]
    happens(redis, "orders-0", *orders)
    seen = [click for click in clicks if fits(click, view) and not click["bot"]]
    bought = [order for order in orders if fits(order, view)]
    five = (now - timedelta(minutes=5)).isoformat()
    async with watching(hub, view=view) as viewer:
        await viewer.until(lambda shown: len(shown.sections.get("products", ())) > 0)
        shown = viewer.shown
    last = [click for click in seen if click["timestamp"] > five]
    assert (shown.now("visitors"), shown.now("visitors30")) == (people(last), people(seen))
    steps = {stage: people(seen, stage) for stage in STAGES} | {"purchase": people(bought)}
    told = {stage: number for stage, (number, _) in shown.sections["funnel"].items()}
    assert told == {stage: steps[stage] for stage in told}
    assert len(told) == 4 - ("product" in view.values)  # nobody goes to the checkout of one product
    assert shown.now("conversion") == round(steps["purchase"] / steps["view_item"], 4)
    found = {sku: row[1:3] for sku, row in shown.sections["products"].items()}
    assert found == {sku: row for sku, row in rows(seen, bought).items() if sku in found}
    assert len(found) == (1 if "product" in view.values else len(SKUS))
    minutes = {int(minute): figures[:2] for minute, figures in shown.sections["minutes"].items()}
    assert minutes == by_minute(seen, bought, minutes, counted(view))
    running = datetime.fromtimestamp(60 * max(map(int, shown.sections["minutes"])), UTC).isoformat()
    full = [click for click in seen if click["timestamp"] < running]
    viewed = Counter(click["product_id"] for click in full if click["type"] == "view_item")
    assert {sku: sum(line) for sku, line in shown.sections["sparks"].items()} == {
        sku: viewed[sku] for sku in found
    }
    assert set(shown.sections["unsplit"]).isdisjoint({"visitors", "conversion", "products", *TABS})
    people_s = [click for click in clicks if not click["bot"]]
    for by, tab in TABS.items():
        if by in view.values and not view.also:
            continue  # of the whole, so that another value can be chosen
        beside = [click for click in people_s if fits(click, view, but=by) and click["type"] in counted(view)]
        told = {name: number for name, (number, was) in shown.sections[tab].items() if was is None}
        assert told == Counter(click[by] for click in beside if click[by])


def counted(view: View) -> tuple[str, ...]:
    """The types that are clicks of the view."""
    return ("view_item", "add_to_cart", "remove_from_cart") if "product" in view.values else TYPES


def by_minute(
    seen: Events, bought: Events, minutes: Iterable[int], types: Iterable[str]
) -> dict[int, list[int]]:
    """Minute since 1970 -> clicks and orders."""

    def at(event: dict[str, Any]) -> int:
        return int(datetime.fromisoformat(event["timestamp"]).timestamp() // 60)

    clicks = Counter(at(click) for click in seen if click["type"] in types)
    orders = Counter(at(order) for order in bought)
    return {minute: [clicks[minute], orders[minute]] for minute in minutes}


async def test_a_minute_with_more_steps_than_fit_tells_nothing_of_people(
    hub: Hub, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sights, "FULL", 100)
    happens(
        redis, "clicks-0", *({"user_id": f"u{n}", "product_id": "MUG", "country": "DE"} for n in range(5))
    )
    async with watching(hub, view=View("country", "DE")) as viewer:
        await viewer.until(lambda shown: "funnel" in shown.sections)
        assert {"visitors", "conversion", "products", "view_item"} <= set(viewer.shown.sections["unsplit"])
        assert viewer.shown.now("clicks30") == 5
        assert "visitors" not in viewer.shown.sections["now"]
