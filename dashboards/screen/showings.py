"""The filters that are looked at in this process, each with its screen and who watches it. -> hub.py.

A filter costs from its first viewer to its last: it is made when one comes and dropped when nobody is left,
and there are at most so many, so that no number of viewers makes a frame dear.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from dashboards.screen.filtered import FilteredPicture, Read
from dashboards.screen.filters import View
from dashboards.screen.frames import Screen
from dashboards.screen.picture import Picture
from dashboards.screen.sliced import Needs, together

MOST = 20  # filters in use at once
WEEK_S = 60.0  # the same time last week moves on by minutes
SHELF_S = 60.0  # what is put on another shelf in the admin shows after so long


class TooManyViews(Exception):
    """One filter more would make frames dear: its text is for the reader."""

    def __init__(self) -> None:
        super().__init__(f"{MOST} other filters are in use on this server just now: try again in a while")


class Shelf(NamedTuple):
    """The products of a category, and when they were read."""

    read_at: float
    products: frozenset[str]


class Showing:
    """What everybody with one filter sees."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.screen = Screen()
        self.picture = FilteredPicture(view)
        self.week_at = 0.0  # when last week was read for it
        self.viewers: Counter[str] = Counter()  # by feed.who(), as the hub's


class Showings:
    """Those that are in use."""

    def __init__(self) -> None:
        self._by_view: dict[View, Showing] = {}
        self._shelves: dict[str, Shelf] = {}

    def __iter__(self) -> Iterator[Showing]:
        return iter(self._by_view.values())

    def __len__(self) -> int:
        return len(self._by_view)

    def join(self, view: View, person: str) -> Showing:
        """One viewer more. Raises TooManyViews."""
        showing = self._by_view.get(view)
        if showing is None:
            if len(self._by_view) >= MOST:
                raise TooManyViews
            showing = self._by_view[view] = Showing(view)
        showing.viewers[person] += 1
        showing.picture.watch(showing.viewers)
        return showing

    def leave(self, showing: Showing, person: str) -> None:
        """One viewer less; nothing is kept for nobody."""
        showing.viewers -= Counter({person: 1})
        showing.picture.watch(showing.viewers)
        if not showing.viewers and self._by_view.get(showing.view) is showing:
            del self._by_view[showing.view]
            slug = showing.view.values.get("category", "")
            if all(other.view.values.get("category") != slug for other in self):
                self._shelves.pop(slug, None)

    def views(self) -> list[View]:
        """Each that is looked at."""
        return list(self._by_view)

    def needs(self) -> Needs:
        """The fields that any of them is made of."""
        return together(showing.picture.needs for showing in self)

    def shelves_due(self, now: float) -> list[str]:
        """The categories that are looked at and whose products are to be read."""
        looked_at = sorted({slug for showing in self if (slug := showing.view.values.get("category"))})
        old = now - SHELF_S
        return [slug for slug in looked_at if slug not in self._shelves or self._shelves[slug].read_at < old]

    def put_shelf(self, category: str, products: frozenset[str], now: float) -> None:
        """What was read of one."""
        self._shelves[category] = Shelf(now, products)

    def weeks_due(self, now: float) -> list[Showing]:
        """Those whose last week is to be read."""
        one = [showing for showing in self if showing.view.by and not showing.view.also]
        return [showing for showing in one if showing.week_at < now - WEEK_S]

    def stock_wanted(self) -> list[str]:
        """The products whose stock is to be read beside those that the whole screen shows."""
        return [sku for showing in self for sku in showing.picture.stock_wanted]

    def names_wanted(self) -> set[str]:
        """The products whose title is to be read."""
        return {sku for showing in self for sku in showing.picture.products()}

    def draw(self, base: Picture, read: Read, now: float, *, lists: bool) -> None:
        """Bring each picture up to date; base: the whole screen, drawn before."""
        for showing in self:
            picture = showing.picture
            picture.draw_numbers(base, read, now)
            if lists or "funnel" not in picture.sections():
                slug = showing.view.values.get("category", "")
                shelf = self._shelves.get(slug, Shelf(0.0, frozenset()))
                picture.draw_lists(base, read, now, shelf.products)

    def publish(self, at: int) -> None:
        """Make each one's next frame."""
        for showing in self:
            if "now" in showing.picture.sections():  # else it has not been drawn yet
                showing.screen.update(showing.picture.sections(), at=at)

    def lose(self, base: Picture) -> None:
        """Say of each that figures stand still."""
        for showing in self:
            showing.picture.lose(base)
