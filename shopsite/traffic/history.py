"""Fourteen days that never were, so that no chart of a new shop is empty. shoppers/ -> here -> Kafka.

Sent once in a shop's life: the first run notes when it began, and everything follows from that time and
the seed, so an interrupted one goes on with the same events. Orders of the past were paid and handed
over elsewhere: nothing is charged, mailed or rejected.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from shopsite.events.loops import Pause
from shopsite.events.referrers import source_of
from shopsite.events.schemas import OrderLine, OrderPlaced, OrderStatus, Unavailable
from shopsite.traffic import publishing
from shopsite.traffic.models import Sending
from shopsite.traffic.opening import open_stock
from shopsite.traffic.publishing import Publisher
from shopsite.traffic.recordings import Interrupted, Recorded
from shopsite.traffic.replay import Clock, Options, send
from shopsite.traffic.shoppers.clicks import click
from shopsite.traffic.shoppers.people import Person, person
from shopsite.traffic.shoppers.visits import APPROVED, SENDS_FORM, Purchase, visit
from shopsite.traffic.shoppers.world import Goods, World, load_world
from shopsite.traffic.survey import Survey, by_time

log = logging.getLogger(__name__)
FORMAT = "history"
DIGEST = sha256(b"made-up history").hexdigest()  # one in a shop's life, whatever its seed
DAYS = 14
VISITS_A_DAY = 500
LIVE_RATE = 120  # shoppers a minute that simulate goes on with
HELD = 4_000  # events of visits that overlap
RAMP = timedelta(minutes=60)  # before the end, traffic grows to what simulate goes on with
IN_TALK = 0.05  # of that hour's visits: come for a product that is just talked about, so something trends
# The same hours a week ago were about as busy: the live page compares with them.
ECHO_AGE, ECHO_LASTS, ECHO = timedelta(days=7), timedelta(minutes=90), 0.75
# Visits by hour of the local day and by weekday from Monday on, as parts of the mean.
BY_HOUR = (3, 2, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 10, 9, 9, 9, 10, 11, 13, 15, 16, 14, 10, 6)
BY_WEEKDAY = (1.05, 1.0, 0.98, 0.97, 0.9, 1.0, 1.1)
GROWTH = 0.3  # from the first day to the last
REFUNDED = 0.05
REFUND_AFTER = (0.5, 4.0)  # days


class _Coming(NamedTuple):
    """Somebody who comes."""

    number: int
    at: datetime
    someone: Person
    random: Random  # for what they do
    offer: Goods | None  # what they come for, if for one thing


@dataclass(frozen=True)
class Past:
    """The span that a history fills."""

    world: World
    until: datetime

    @property
    def since(self) -> datetime:
        """Its beginning: 14 days before its end."""
        return self.until - timedelta(days=DAYS)

    def visits_a_second(self, at: datetime) -> float:
        """How many people come at a moment."""
        local = at.astimezone(ZoneInfo(settings.SHOP_TIME_ZONE))
        hour = local.hour + local.minute / 60
        low, high = BY_HOUR[int(hour)], BY_HOUR[(int(hour) + 1) % 24]
        of_day = (low + (high - low) * (hour % 1)) / (sum(BY_HOUR) / 24)
        age = (self.until - at) / timedelta(days=DAYS)
        base = VISITS_A_DAY / 86_400 * of_day * BY_WEEKDAY[local.weekday()] * (1 - GROWTH * age)
        week_ago = self.until - ECHO_AGE
        rush = _rush(at, self.until, self.until) + ECHO * _rush(at, week_ago, week_ago + ECHO_LASTS)
        return base + rush * LIVE_RATE / 60

    def events(self) -> Iterator[Recorded]:
        """Clicks and orders by time; the same for the same seed, catalogue and end."""
        return by_time(self._events(), HELD)

    def demand(self) -> Counter[str]:
        """Product -> units sold: what the opening stock must cover."""
        sold: Counter[str] = Counter()
        for coming in self._visitors():
            for deed in visit(coming.random, self.world, coming.someone, coming.offer):
                if isinstance(deed, Purchase):
                    sold.update({line.product_id: line.quantity for line in deed.lines})
        return sold

    def _visitors(self) -> Iterator["_Coming"]:
        """Who comes when."""
        talk = self.world.talked_of()
        arrivals = Random(f"{self.world.seed}/history")
        at = self.since
        for number in count(1):
            at += timedelta(seconds=arrivals.expovariate(self.visits_a_second(at)))
            if at >= self.until:
                return
            random = Random(f"{self.world.seed}/history/{number}")
            someone = person(random, seed=self.world.seed, run="history", number=number)
            talks = at >= self.until - RAMP and random.random() < IN_TALK
            yield _Coming(number, at, someone, random, talk if talks else None)

    def _events(self) -> Iterator[Recorded]:
        """Visit after visit, each from its first event to its last that is not in the future."""
        for number, at, someone, random, offer in self._visitors():
            for step, deed in enumerate(visit(random, self.world, someone, offer)):
                at += timedelta(seconds=deed.pause)
                if at >= self.until:
                    break
                act = SENDS_FORM if isinstance(deed, Purchase) else deed
                event = click(act, someone, at=at, event_id=f"history-{number}-{step}")
                yield Recorded("clicks", someone.user_id, event, number)
                if isinstance(deed, Purchase) and deed.card == APPROVED:
                    yield from self._purchase(random, deed, someone, number, at)

    def _purchase(
        self, random: Random, deed: Purchase, someone: Person, number: int, at: datetime
    ) -> Iterator[Recorded]:
        """The order of a visit, and perhaps its refund some days later."""
        lines = [
            OrderLine(product_id=line.product_id, quantity=line.quantity, price=line.price)
            for line in deed.lines
        ]
        order = _order(f"history-{number}", "delivered", lines, someone, at)
        yield Recorded("orders", order.order_id, order, number)
        back = at + timedelta(days=random.uniform(*REFUND_AFTER))
        if random.random() < REFUNDED and back < self.until:
            refund = _order(f"history-{number}-refund", "refunded", lines[:1], someone, back)
            yield Recorded("orders", refund.order_id, refund, number)


def _rush(at: datetime, since: datetime, until: datetime) -> float:
    """1 from since to until, rising for an hour before and falling for an hour after, else 0."""
    away = max(since - at, at - until, timedelta(0))
    return max(0.0, 1 - away / RAMP) ** 2


def _order(
    order_id: str, status: OrderStatus, lines: list[OrderLine], someone: Person, at: datetime
) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{order_id}-{status}",
        order_id=order_id,
        user_id=someone.user_id,
        session_id=someone.session_id,
        product_ids=[line.product_id for line in lines],
        lines=lines,
        amount=sum((line.quantity * line.price for line in lines if line.price), Decimal(0)),
        currency=settings.SHOP_CURRENCY,
        status=status,
        timestamp=at,
        country=someone.country,
        device=someone.device,
        source=source_of(someone.source.referrer or ""),
    )


class History:
    """The sending of the past, in a thread of its own."""

    def __init__(self, *, seed: int, stop: threading.Event) -> None:
        self.state = "waiting"  # then sending, then done: for the heartbeat
        self._seed = seed
        self._stop = stop

    def start(self) -> None:
        """Send in the background; the process need not wait for it to end."""
        threading.Thread(target=self.run, name="history", daemon=True).start()

    def run(self) -> None:
        """Send what is not sent yet, however long Kafka or the database stay away."""
        pause = Pause(self._stop, first=1.0)
        try:
            while self.state != "done" and not self._stop.is_set():
                try:
                    self._send()
                except (Unavailable, DatabaseError) as error:
                    self.state = "waiting"
                    log.warning("the made-up history waits: %s", error)
                    pause.wait()
        except Interrupted:
            log.info("the made-up history goes on at the next start")
        finally:
            connections.close_all()

    def _send(self) -> None:
        sending, sent = self._run()
        if sending is None:
            self.state = "done"
            return
        self.state = "sending"
        seed = int(sending.name.rpartition(" ")[2])  # of the first run, whatever this one's is
        past = Past(load_world(seed), sending.begun_at)
        publisher = Publisher()
        try:
            open_stock(publisher, digest=DIGEST, stock=past.demand(), at=past.since, stop=self._stop)
            clock = Clock(Options(keep_time=True), timedelta(), self._stop)
            send(publisher, sending, sent, past.events(), Survey(), clock)
        finally:
            publisher.close()
        publishing.finish(sending)
        log.info("%s events of made-up history are in Kafka", f"{publisher.acknowledged:,}")
        self.state = "done"

    def _run(self) -> tuple[Sending | None, publishing.Places]:
        """The run to send, and what is sent of it; None where all of it is."""
        known = Sending.objects.filter(digest=DIGEST).first()
        if known is None:
            name = f"made-up history of seed {self._seed}"
            return publishing.begin(digest=DIGEST, name=name, format=FORMAT, run=1, shift_ms=0), {}
        if known.finished_at:
            return None, {}
        return known, publishing.already_sent(known)
