"""Clicks at a steady rate, and when each was sent. -> screen.py"""

import random
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count

USERS = 5_000  # all seen within seconds: from then on `Visitors now` changes by newcomers only
NEWCOMERS = 50  # at once: surely more than the error of counting them
TYPES = ("view_item", "view_item", "view_item", "view_item_list", "add_to_cart", "begin_checkout")
REFERRERS = ("https://www.google.com/", "https://duckduckgo.com/", *[None] * 18)  # one page of ten is a visit
COUNTRIES = ("DE", "AT", "CH", "FR", "NL")
Sent = dict[int, list[float]]  # minute since 1970 -> epoch ms of each of its clicks, in order


class Clicks(threading.Thread):
    """Sends until `over` is set; now and then some newcomers at once."""

    def __init__(self, rate: float) -> None:
        super().__init__(daemon=True)
        self.rate, self.over = rate, threading.Event()
        self.sent: Sent = defaultdict(list)
        self.newcomers: list[float] = []  # epoch ms at which NEWCOMERS came
        self._chosen = random.Random(7)

    def run(self) -> None:
        """Send."""
        from confluent_kafka import Producer
        from django.conf import settings

        from shopsite.events.topics import topic_name

        # its own producer would cost ten times the CPU, and is not what is measured here
        servers = ",".join(settings.KAFKA_BOOTSTRAP_SERVERS)
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, "log_level": 0})
        self._topic = topic_name("clicks")
        begun, next_newcomers = time.perf_counter(), 5.0
        for number in count():
            due = begun + number / self.rate
            if (wait := due - time.perf_counter()) > 0.002:  # a few at a time
                time.sleep(wait)
            if self.over.is_set():
                break
            self._send(f"known-{self._chosen.randrange(USERS)}")
            if due - begun > next_newcomers:
                next_newcomers += self._chosen.uniform(1.2, 1.9)
                self.newcomers.append(time.time() * 1000)
                for one in range(NEWCOMERS):
                    self._send(f"new-{number}-{one}")
        self._producer.flush(30)

    def _send(self, user: str) -> None:
        from shopsite.events.schemas import Click, encode

        chosen, now = self._chosen, datetime.now(UTC)
        click = Click(
            user_id=user,
            product_id=f"SF-{chosen.randrange(1, 79):04}",
            timestamp=now,
            type=chosen.choice(TYPES),  # type: ignore[arg-type]
            session_id=user,
            referrer=chosen.choice(REFERRERS),
            country=chosen.choice(COUNTRIES),
            device=chosen.choice(("phone", "desktop")),
        )
        at = now.timestamp()
        self.sent[int(at // 60)].append(at * 1000)
        self._producer.produce(self._topic, encode(click), user.encode())
        self._producer.poll(0)

    def stop(self) -> None:
        """Send no more; returns when what was sent has gone."""
        self.over.set()
        self.join(30)


def number_delays(newcomers: list[float], changes: list[float]) -> list[float]:
    """Milliseconds from newcomers to the first change of the number after them, of each time they came."""
    found = []
    for at in newcomers:
        if after := [change for change in changes if change > at]:
            found.append(min(after) - at)
    return found


def chart_delays(sent: Sent, drawings: list[tuple[float, int, int]]) -> list[float]:
    """Milliseconds from each click to the first drawing of the running minute that has it.

    drawings: (epoch ms, minute, clicks of it that are drawn), in order.
    """
    found = []
    reached: dict[int, int] = {}
    for at, minute, clicks in drawings:
        first = reached.get(minute)
        times = sent.get(minute, [])
        if first is not None:  # what the first drawing of a minute shows had waited for nothing
            found += [at - moment for moment in times[first:clicks]]
        reached[minute] = max(clicks, first or 0)
    return found
