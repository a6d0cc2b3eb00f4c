"""Made-up shoppers, live. shoppers/ -> here -> clicks, fulfilment; staff.py packs what they order.

What happens is decided by the seed; when it happens follows from the rate and the clock.
"""

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from uuid import uuid4

from django.utils import timezone

from orders.models import Lead, Order
from orders.services import keep_lead
from shopsite.events import clicks
from shopsite.events.heartbeat import Heartbeat
from shopsite.events.schemas import Click
from shopsite.fulfilment import ForbiddenMove, OutOfStock, pay_again, place_order
from shopsite.traffic.shoppers.clicks import click
from shopsite.traffic.shoppers.people import Person, Source, buyer, crawler, person
from shopsite.traffic.shoppers.visits import APPROVED, SENDS_FORM, Act, Deed, Purchase, crawl, visit
from shopsite.traffic.shoppers.world import Goods, World
from shopsite.traffic.staff import staff
from shopsite.traffic.stage import Actor, Stage

log = logging.getLogger(__name__)
WAVE_SECONDS = 420.0  # traffic swells and ebbs, so that the live line has a shape
WAVE = 0.3
BETWEEN_SALES = (600.0, 1_500.0)  # seconds
SALE_SECONDS = 180.0
SALE_CROWD = 0.8  # shoppers more, as a part of the rate
SALE = Source(1, None, "flash-sale", "product", 1.5)
BETWEEN_CRAWLS = (90.0, 300.0)
BEFORE_SECONDS = 150.0  # visits that began before the start are under way at it: no shop begins empty
THINKS_SECONDS = 40.0  # before another card is tried


class Simulation:
    """The shoppers and the staff of one run.

    rate: shoppers who come in a minute. run: names this run, so that its sessions are its own.
    """

    def __init__(
        self,
        world: World,
        *,
        rate: float,
        run: str,
        emit: Callable[[Click], None] = clicks.emit,
        stage: Stage | None = None,
    ) -> None:
        self.world = world
        self.run = run
        self.stage = stage or Stage()
        self.figures: Counter[str] = Counter()
        self._emit = emit
        self._per_second = rate / 60
        self._visits = 0
        for actor in (self._arrivals(), self._sales(), self._crawlers(), staff(world, self.figures)):
            self.stage.enter(actor)

    def _random(self, *what: object) -> Random:
        """A source of decisions of its own for each actor: none depends on when others move."""
        return Random("/".join(map(str, (self.world.seed, *what))))

    def _arrivals(self) -> Actor:
        """Shoppers come, more or fewer."""
        random = self._random("arrivals")
        for _ in range(round(self._per_second * BEFORE_SECONDS)):
            self._welcome(ago=random.uniform(0.0, BEFORE_SECONDS))
        passed = 0.0
        while True:
            swell = 1 + WAVE * math.sin(2 * math.pi * passed / WAVE_SECONDS)
            gap = random.expovariate(self._per_second * swell)
            passed += gap
            yield gap
            self._welcome()

    def _sales(self) -> Actor:
        """Now and then one product is advertised, and a crowd comes for it."""
        random = self._random("sales")
        while True:
            yield random.uniform(*BETWEEN_SALES)
            offer = random.choice(self.world.goods)
            log.info("flash sale: %s (%s)", offer.title, offer.sku)
            passed = 0.0
            while passed < SALE_SECONDS:
                gap = random.expovariate(self._per_second * SALE_CROWD)
                passed += gap
                yield gap
                self._welcome(offer)

    def _crawlers(self) -> Actor:
        """A robot comes by."""
        random = self._random("crawlers")
        number = 0
        while True:
            yield random.uniform(*BETWEEN_CRAWLS)
            number += 1
            robot = crawler(self.world.seed, self.run, number)
            for deed in crawl(self._random("crawl", number), self.world):
                yield deed.pause
                self._act(deed, robot)

    def _welcome(self, offer: Goods | None = None, ago: float = 0.0) -> None:
        self._visits += 1
        self.figures["shoppers"] += 1
        self.stage.enter(self._shopper(self._visits, offer, ago))

    def _shopper(self, number: int, offer: Goods | None, ago: float) -> Actor:
        """One visit, and what comes of its purchase. ago: seconds of it that are over already."""
        random = self._random("visit", number)
        source = SALE if offer else None
        someone = person(random, seed=self.world.seed, run=self.run, number=number, source=source)
        first: Click | None = None
        for deed in visit(random, self.world, someone, offer):
            if ago > deed.pause:
                ago -= deed.pause
                continue
            yield deed.pause - ago
            ago = 0.0
            if isinstance(deed, Purchase):
                yield from self._buy(deed, someone, first)
            else:
                told = self._act(deed, someone)
                first = first or told

    def _act(self, deed: Deed, someone: Person) -> Click:
        assert isinstance(deed, Act)
        self.figures["clicks"] += 1
        told = click(deed, someone, at=datetime.now(UTC), event_id=uuid4().hex)
        self._emit(told)
        return told

    def _buy(self, deed: Purchase, someone: Person, first: Click | None) -> Actor:
        """Send the checkout's form; look at the order; try another card where the first is declined."""
        try:
            order = yield partial(_place, deed, someone, first)
        except OutOfStock:
            self.figures["sold_out"] += 1
            self._act(Act(0.0, "view_cart", "/cart/", "/checkout/"), someone)
            return
        assert isinstance(order, Order)
        self.figures["orders"] += 1
        page = f"/orders/{order.order_id}/"
        self._act(SENDS_FORM, someone)
        self._act(Act(0.0, "page_view", page, "/checkout/"), someone)
        if deed.card == APPROVED or not deed.tries_again:
            return
        yield THINKS_SECONDS
        try:
            yield partial(pay_again, order_id=order.order_id, card=APPROVED)
        except (ForbiddenMove, OutOfStock):
            return  # paid after all, or sold to somebody else meanwhile
        self.figures["paid_again"] += 1
        self._act(Act(0.0, "add_payment_info", f"{page}pay/", page), someone)


def _place(deed: Purchase, someone: Person, first: Click | None) -> Order:
    """Order as the checkout does: what brought the visit is kept beside the order."""
    order = place_order(lines=deed.lines, buyer=buyer(someone), card=deed.card)
    if first is not None:
        lead = Lead(
            order=order,
            event_id=first.event_id,
            type=first.type,
            at=first.timestamp,
            path=first.path or "",
            referrer=first.referrer or "",
            campaign=first.campaign or "",
        )
        keep_lead(lead)
    return order


def simulate(world: World, *, rate: float, stop: threading.Event, status: Callable[[], str]) -> None:
    """Let shoppers come until somebody asks to stop. status: of the made-up history, for the heartbeat."""
    heartbeat = Heartbeat("simulate")
    simulation = Simulation(world, rate=rate, run=f"{timezone.now():%Y%m%d%H%M%S}")
    stage = simulation.stage
    log.info("%s shoppers a minute, seed %s, %d products", f"{rate:g}", world.seed, len(world.goods))
    try:
        while not stop.is_set():
            stage.step()
            heartbeat.beat(
                present=stage.present,
                history=status(),
                failed=stage.failed,
                **simulation.figures,
                **clicks.stats(),
            )
            stage.wait(stop)
    finally:
        heartbeat.stop()
        stage.close()
        clicks.flush(timeout=1.0)
