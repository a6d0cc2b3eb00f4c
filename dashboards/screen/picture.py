"""All sections of the live screen, and what they are made of. window, board, last week -> here -> hub.py.

Kept between frames: a section that was not drawn anew goes into the next frame as it was, and so changes
nothing there.
"""

import time
from collections.abc import Iterable
from functools import partial

from django.conf import settings

from dashboards.screen import sections
from dashboards.screen.feed import Feed, titles
from dashboards.screen.frames import State
from dashboards.screen.lastweek import LastWeek
from dashboards.screen.live import Reading
from dashboards.screen.sections import Section
from dashboards.screen.window import Window

LISTS_S = 2.0
NAMES_S = 60.0  # a title that was changed in the admin shows after so long


class Picture:
    """What is on the screen."""

    def __init__(self) -> None:
        self.last_week = LastWeek()
        self.stock_wanted: list[str] = []
        self._feed = Feed()
        self._sections: State = {}
        self._board: Reading | None = None
        self.names: dict[str, list[object]] = {}
        self._named_at = 0.0
        self._lists_at = 0.0
        self._aggregating_at = time.time()

    def sections(self) -> State:
        """Everything, as a frame takes it."""
        return self._sections

    @property
    def lacks_stock(self) -> bool:
        """Whether products have come to be shown whose stock nobody has looked at."""
        return not self.board.stock.keys() >= set(self.stock_wanted)

    @property
    def board(self) -> Reading:
        """The last look at orders and stock, an empty one before the first."""
        return self._board or Reading()

    def watch(self, people: Iterable[str]) -> None:
        """Whose events are kept longer than others'."""
        self._feed.watching = {person for person in people if person}

    def lists_are_due(self, now: float) -> bool:
        """Whether the lists were drawn two seconds ago."""
        return now - self._lists_at >= LISTS_S

    def lose(self, words: str) -> None:
        """Say that figures stand still from now on."""
        health = self._sections.setdefault("health", {})
        if "stopped" not in health:
            stopped = {"since": int(time.time() * 1000), "words": words, "command": ""}
            self._sections["health"] = health | {"stopped": stopped}

    # --- from the window ----------------------------------------------------------------------
    def draw_numbers(self, window: Window, now: float) -> None:
        """What changes with every frame."""
        currency = settings.SHOP_CURRENCY
        self._sections["now"] = sections.numbers(window, now, currency)
        self._sections["minutes"] = sections.minutes(window, now, currency)
        self._sections["health"] = self._health(window, now)
        self._sections["was"] = self.last_week.numbers
        self._sections["ghost"] = self.last_week.minutes

    def _health(self, window: Window, now: float) -> Section:
        health = dict(self._board.health) if self._board else {}
        delay = sections.delay_p95(window, now)
        if delay is not None:
            health["delay"] = delay
        if self._board and not self._board.aggregating:
            health["stopped"] = {
                "since": int(self._aggregating_at * 1000),
                "words": "No aggregate process runs, so the figures stand still; no event is lost.",
                "command": "python manage.py aggregate",
            }
        return health

    def draw_lists(self, window: Window, now: float) -> None:
        """What changes every two seconds."""
        self._lists_at = now
        self._sections["funnel"] = sections.funnel(window, self.last_week.funnel)
        for name, fold in sections.TABS.items():
            self._sections[name] = sections.tab(window, name, self.last_week.tabs.get(fold, {}))
        figures = sections.product_figures(window, now)
        self.stock_wanted = sections.candidates(figures)
        rows = sections.product_rows(figures, self.board.stock, self.board.outlook)
        if rows or not figures:  # else their stock has not been read yet
            self._sections["products"] = rows
        self._sections["sparks"] = sections.sparks(
            partial(sections.views_at, window), window.minutes(now)[:-1], rows
        )
        self._sections["names"] = {sku: self.names[sku] for sku in rows if sku in self.names}
        self._feed.take(window.recent.values())
        self._sections["feed"] = self._feed.section(titles(self.names))

    # --- from the board -----------------------------------------------------------------------
    def names_wanted(self, more: Iterable[str] = ()) -> set[str]:
        """The products whose title is to be read."""
        wanted = {*self.stock_wanted, *self._feed.products(), *more}
        if time.time() - self._named_at > NAMES_S:
            self._named_at = time.time()
            return wanted
        return wanted - self.names.keys()

    def take_board(self, reading: Reading) -> bool:
        """Take orders, stock and names. True where somebody should see it at once."""
        first, before = self._board is None, self._board
        self.names |= reading.names
        self._board = reading
        self._sections["status"] = reading.status
        self._sections["attention"] = reading.attention
        self._sections["alerts"] = reading.alerts
        self._sections["marks"] = reading.marks
        if reading.aggregating:
            self._aggregating_at = time.time()
        if first or reading.names:
            self._lists_at = 0.0
        return before is None or before.status != reading.status or before.attention != reading.attention
