"""What rows there are, asked again only once the history has changed. heads.py, joined.py, spans.py -> here.

Whoever changes rows or totals takes a turn (rollups.in_turn), and each turn has a number.
"""

from collections.abc import Callable, Collection, Hashable
from typing import TypeVar

from dashboards.past.remembered import REMEMBERED
from dashboards.past.rollups import turn_number

NUMBERS_A_ROW = 8  # of a row's head, about
T = TypeVar("T", bound=Collection[object])


class Listed:
    """Lists of rows as of one turn.

    To be made after Redis was asked how many units it has moved: what moves later than that is noticed by the
    count, and what moved before it is in the rows of the turn that is read afterwards.
    """

    def __init__(self, prefix: str) -> None:
        """prefix: of the aggregates' keys."""
        self._prefix = prefix
        self._turn: int | None = None
        self._trusts = True

    def renew(self) -> None:
        """A row that was listed is no more: ask anew, whatever is remembered."""
        self._turn, self._trusts = None, False

    def __call__(self, name: Hashable, ask: Callable[[], T]) -> T:
        """What `ask` makes of rows, by the name of its question. Not to be changed: others get the same."""
        if self._turn is None:
            self._turn = turn_number()
        known = "rows", self._prefix, self._turn, name
        found: T | None = REMEMBERED.get(known) if self._trusts else None
        if found is None:
            found = ask()
            REMEMBERED.put(known, found, NUMBERS_A_ROW * len(found) + 1)
        return found
