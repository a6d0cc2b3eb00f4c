"""A figure beside another of the same kind, in words. Pages that the server writes -> here."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from django.conf import settings

from dashboards.keys import MICRO

Kind = Literal["count", "money", "share"]
CENTS_BELOW = 1000  # as the live page: no cents from there up
MANY_TIMES = 3
UNUSUAL = 0.2  # a change of less is within what weeks differ by, and stays grey
_DIGITS: Mapping[Kind, int] = {"count": 0, "money": 2, "share": 1}


@dataclass(frozen=True)
class Number:
    """A figure, and what it was in another time; None where it is not known. Money is in micros."""

    name: str
    now: float | None
    was: float | None = None
    kind: Kind = "count"

    @property
    def text(self) -> str:
        """The figure, written out; the unit stands apart."""
        return figure_text(self.now, self.kind)

    @property
    def was_text(self) -> str:
        """The other one."""
        return figure_text(self.was, self.kind)

    @property
    def unit(self) -> str:
        """The currency of money, `%` of a share."""
        return {"money": settings.SHOP_CURRENCY, "share": "%", "count": ""}[self.kind]

    @property
    def change(self) -> str:
        """`24 %`, `7 ×`, `1.2 pt`; "" where there is nothing to compare with or nothing changed."""
        if not self.was or self.now is None or not self.way:
            return ""
        if self.kind == "share":
            return f"{abs(self.now - self.was) * 100:.1f} pt"
        times = self.now / self.was
        return f"{times:,.0f} ×" if times > MANY_TIMES else f"{abs(times - 1) * 100:.0f} %"

    @property
    def signed(self) -> str:
        """The change with its sign: `+24 %`, `7 ×`."""
        if not self.change or self.change.endswith("×"):
            return self.change
        return ("+" if self.way == "up" else "−") + self.change

    @property
    def told(self) -> str:
        """The same for the page's script, which writes it by the viewer's locale: `money 1500000`, or ""."""
        return told(self.now, self.kind)

    @property
    def was_told(self) -> str:
        """The other one."""
        return told(self.was, self.kind)

    @property
    def change_told(self) -> str:
        """The change, where it may have a fraction or thousands."""
        if not self.was or self.now is None or not self.way:
            return ""
        times = self.now / self.was
        if self.kind == "share":
            return f"points {abs(self.now - self.was) * 100!r}"
        return f"times {times!r}" if times > MANY_TIMES else ""

    @property
    def way(self) -> str:
        """`up`, `down`, or "" where it stayed or nothing can be said."""
        if not self.was or self.now is None or self.now == self.was:
            return ""
        return "up" if self.now > self.was else "down"

    @property
    def colour(self) -> str:
        """`good` or `bad` where the change is more than what weeks differ by."""
        if not self.was or self.now is None or abs(self.now / self.was - 1) <= UNUSUAL:
            return ""
        return "good" if self.now > self.was else "bad"


def told(value: float | None, kind: Kind = "count") -> str:
    """Kind and value, as told.js reads them; "" where it is not known."""
    return "" if value is None else f"{kind} {value!r}"


def figure_text(value: float | None, kind: Kind = "count") -> str:
    """The figure as a reader has it, `–` where it is not known."""
    if value is None:
        return "–"
    shown = value * 100 if kind == "share" else float(Decimal(value) / MICRO) if kind == "money" else value
    digits = 0 if kind == "money" and (shown >= CENTS_BELOW or not shown) else _DIGITS[kind]
    return f"{shown:,.{digits}f}"
