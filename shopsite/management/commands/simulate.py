"""Made-up shoppers and staff. `manage.py simulate` -> traffic/simulate.py, traffic/history.py."""

import argparse
import logging
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.events.loops import Pause, stopping
from shopsite.traffic.history import LIVE_RATE, History
from shopsite.traffic.shoppers.world import NothingToSell, World, load_world
from shopsite.traffic.simulate import simulate

log = logging.getLogger(__name__)
MOST = 60_000.0  # shoppers a minute: about 5,000 clicks a second


def rate(text: str) -> float:
    """A --rate: more than 0 shoppers a minute, at most MOST."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: need a number above 0, at most {MOST:,.0f}")
    return value


class Command(BaseCommand):
    """`manage.py simulate --rate N --seed S`."""

    help = (
        "Made-up shoppers who browse, search, buy and drop off, and staff who pack what they order. The "
        "first run also sends 14 days of made-up history, once in the shop's life."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument(
            "--rate",
            type=rate,
            default=float(LIVE_RATE),
            metavar="N",
            help="shoppers a minute, about five clicks each; default %(default)g",
        )
        parser.add_argument("--seed", type=int, default=1, help="decides who does what; default %(default)s")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--once-history", action="store_true", help="send the history, then end")
        only.add_argument("--no-history", action="store_true", help="leave the history out")

    def handle(self, *_args: object, **options: Any) -> None:
        """Simulate until asked to stop."""
        with stopping() as stop:
            history = History(seed=options["seed"], stop=stop)
            if options["once_history"]:
                try:
                    history.run()
                except NothingToSell as error:
                    raise CommandError(str(error)) from error
                if history.state != "done":
                    raise CommandError("Stopped before all of it was sent; the next run goes on.")
                return
            world = wait_for_world(options["seed"], stop)
            if world is None:
                return
            if not options["no_history"]:
                history.start()
            simulate(world, rate=options["rate"], stop=stop, status=lambda: history.state)


def wait_for_world(seed: int, stop: threading.Event) -> World | None:
    """The catalogue, as soon as there is one; None where somebody asks to stop first."""
    pause = Pause(stop, first=1.0)
    while not stop.is_set():
        try:
            return load_world(seed)
        except NothingToSell as error:
            log.warning("shoppers wait: %s", error)
            pause.wait()
    return None
