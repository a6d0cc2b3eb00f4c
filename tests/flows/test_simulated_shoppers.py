"""Made-up shoppers: decided by their seed, served by the real shop."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, islice

import pytest

from dashboards.answers.together import partners
from dashboards.answers.trending import trends
from dashboards.keys import STEP
from inventory.models import Level
from orders.models import Order
from orders.states import Status
from shopsite.catalogue.models import Category, Product
from shopsite.events.schemas import Click, OrderPlaced, encode, read_click, read_order
from shopsite.fulfilment import place_order
from shopsite.traffic import staff as staff_module
from shopsite.traffic.history import Past
from shopsite.traffic.shoppers.world import Goods, NothingToSell, World, load_world
from shopsite.traffic.simulate import Simulation
from shopsite.traffic.stage import Actor, Stage
from tests.support import until
from tests.support.shop import APPROVED, buyer, cart, product, stock_is_sound

SECONDS = 240
TICK = 0.25


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def world(seed: int = 1, products: int = 12) -> World:
    shelves = ("shoes", "toys")
    return World(
        [
            Goods(sku=f"P{n}", title=f"Fine thing {n}", shelf=shelves[n % 2], price=Decimal(n + 1))
            for n in range(products)
        ],
        seed,
    )


def stock_the_shop(units: int = 500) -> None:
    for slug in ("shoes", "toys"):
        Category.objects.create(slug=slug, name=slug)
    for goods in world().goods:
        product(goods.sku, stock=units)
        Product.objects.filter(pk=goods.sku).update(category_id=goods.shelf, title=goods.title)


def played(seed: int, rate: float = 900) -> tuple[list[Click], Simulation]:
    """Four minutes of a simulation, as fast as it goes."""
    emitted: list[Click] = []
    clock = Clock()
    stage = Stage(clock)
    simulation = Simulation(world(seed), rate=rate, run="test", emit=emitted.append, stage=stage)
    while clock.seconds < SECONDS:
        clock.seconds += TICK
        stage.step()
    until(lambda: not stage.asking or stage.step() < 0, within=20)
    stage.step()
    stage.close()
    return emitted, simulation


def decided(clicks: list[Click]) -> Counter[tuple[object, ...]]:
    """What the seed decides: everything but times, ids and what became of orders."""
    return Counter(
        (click.type, click.product_id, click.path, click.user_id, click.session_id, click.referrer, click.bot)
        for click in clicks
        if click.type not in ("add_payment_info", "page_view")
    )


def staff_work(rounds: int) -> Counter[str]:
    """What staff did in so many rounds."""
    clock, figures = Clock(), Counter[str]()
    stage = Stage(clock)
    stage.enter(staff_module.staff(world(), figures))
    stage.step()
    for _ in range(rounds):
        clock.seconds += 10
        stage.step()
        until(lambda: not stage.asking or stage.step() < 0)
    stage.close()
    return figures


@pytest.fixture
def open_shop(transactional_db: None) -> Iterator[None]:
    stock_the_shop()
    yield


def test_the_same_seed_makes_the_same_shoppers(open_shop: None) -> None:
    first, second, other = played(1)[0], played(1)[0], played(2)[0]
    assert decided(first) == decided(second)
    assert decided(first) != decided(other)


def test_shoppers_do_all_that_shoppers_do(open_shop: None) -> None:
    clicks, simulation = played(1)
    types = Counter(click.type for click in clicks)
    assert set(types) >= {"view_item", "view_item_list", "search", "add_to_cart", "view_cart", "page_view"}
    assert types["view_item"] > types["add_to_cart"] > types["begin_checkout"] > 0
    assert {click.device for click in clicks} == {"phone", "desktop", "tablet"}
    assert {click.campaign for click in clicks} >= {None, "newsletter", "brand-search"}
    assert any(click.bot for click in clicks)
    now = datetime.now(UTC)
    assert all(read_click(encode(click), origin="", now=now) == click for click in clicks)
    assert simulation.figures["orders"] == Order.objects.count() > 0
    assert simulation.stage.failed == 0
    assert stock_is_sound()


def test_a_sold_out_shop_goes_on(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_module, "RESTOCKS", 0.0)
    stock_the_shop(units=0)
    clicks, simulation = played(1)
    assert simulation.figures["sold_out"] > 0
    assert (Order.objects.count(), simulation.stage.failed) == (0, 0)
    assert len(clicks) > 100


def test_staff_bring_an_order_to_its_end(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        staff_module, "STEPS", [(status, timedelta(0), step) for status, _, step in staff_module.STEPS]
    )
    monkeypatch.setattr(staff_module, "RETURNED", 0.0)
    stock_the_shop()
    order = place_order(lines=cart({"P1": 1}), buyer=buyer(), card=APPROVED)
    Order.objects.update(status=Status.PAID)
    staff_work(rounds=4)
    assert Order.objects.get(pk=order.pk).status == Status.DELIVERED


def test_staff_fill_up_what_is_almost_gone(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_module, "RESTOCKS", 1.0)
    stock_the_shop(units=2)
    assert staff_work(rounds=1)["restocked"] == 12
    assert Level.objects.filter(on_hand__gte=32).count() == 12


def test_an_actor_that_fails_ends_alone() -> None:
    moved: list[str] = []

    def failing() -> Actor:
        yield 1.0
        raise RuntimeError("no luck")

    def asking() -> Actor:
        try:
            yield lambda: 1 / 0
        except ZeroDivisionError:
            moved.append("told")
        moved.append(str((yield lambda: "answered")))

    clock = Clock()
    stage = Stage(clock)
    stage.enter(failing())
    stage.enter(asking())
    stage.step()
    until(lambda: stage.step() and len(moved) == 2)
    clock.seconds = 2.0
    stage.step()
    stage.close()
    assert (moved, stage.failed, stage.present) == (["told", "answered"], 1, 0)


def test_the_past_is_the_same_each_time_and_never_in_the_future() -> None:
    until_now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    past = Past(world(), until_now)
    events = [recorded.event for recorded in past.events()]
    times = [event.timestamp for event in events]
    assert [each.event for each in islice(past.events(), 500)] == events[:500]
    assert times == sorted(times)
    assert past.since <= times[0]
    assert times[-1] < until_now
    assert len({event.event_id for event in events}) == len(events)
    assert len({time.date() for time in times}) >= 14
    orders = [event for event in events if isinstance(event, OrderPlaced)]
    assert {order.status for order in orders} == {"delivered", "refunded"}
    assert all(read_order(encode(order), origin="", now=until_now) == order for order in orders)
    sold = Counter[str]()
    for order in orders:
        if order.status == "delivered":
            sold.update({line.product_id: line.quantity for line in order.order_lines()})
    assert sold <= past.demand()


def test_the_past_has_what_is_bought_together_and_what_trends() -> None:
    until = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    there = world(products=78)
    pairs, hour, week = Counter[str](), Counter[str](), Counter[str]()
    singles, orders = Counter[str](), 0
    for event in (recorded.event for recorded in Past(there, until).events()):
        if isinstance(event, Click) and event.type == "view_item" and event.product_id:
            (hour if event.timestamp >= until - timedelta(hours=1) else week)[event.product_id] += 1
        elif isinstance(event, OrderPlaced):
            orders += 1
            names = sorted(set(event.product_ids))
            singles.update(names)
            pairs.update(STEP.join(two) for two in combinations(names, 2))
    assert there.talked_of().sku in [trend.product_id for trend in trends(hour, week)]
    goods = there.goods[0]
    assert there.companion(there.companion(goods)) == goods
    assert there.companion(goods).sku in [
        one.product_id for one in partners(singles, pairs, orders)[goods.sku]
    ]


def test_without_products_there_is_nothing_to_simulate(db: None) -> None:
    with pytest.raises(NothingToSell, match="no product is listed"):
        load_world(1)
