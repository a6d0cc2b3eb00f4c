"""What an order's way is made of. Sources -> Entry, Ahead -> Way -> the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.timesince import timesince

from orders.models import Order
from orders.money import money_text

MAX_ROWS: Final = 200  # of each source: an order has a dozen, a wild one must not fill the page


@dataclass(frozen=True)
class Subject:
    """What the way is of."""

    order_id: str
    order: Order | None  # None: a number that only messages have

    def money(self, amount: object) -> str:
        """An amount in the order's currency."""
        return money_text(amount, self.order.currency) if self.order else str(amount)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Entry:
    """Something that happened."""

    at: datetime
    kind: str  # click, order, event, payment, stock, mail, staff: the mark beside it
    what: str  # a plain sentence
    source: str  # table and number, or topic:partition:offset: where this can be looked up
    detail: str = ""  # who, why, how often
    tone: str = ""  # good, warn, bad
    link: str = ""
    after: str = ""  # how long after the one before it; put_together() knows

    @property
    def is_trouble(self) -> bool:
        """Whether it is marked as a problem."""
        return self.tone == "bad"


@dataclass(frozen=True)
class Ahead:
    """What happens next, and when; at: None where nobody can say."""

    what: str
    at: datetime | None = None
    tone: str = ""

    @property
    def when(self) -> str:
        """In how long."""
        if self.at is None:
            return ""
        now = timezone.now()
        return f"in {gap(self.at - now)}" if self.at > now else "now"


@dataclass(frozen=True)
class Way:
    """All of it, oldest first."""

    subject: Subject
    entries: Sequence[Entry]
    ahead: Sequence[Ahead]
    is_cut: bool  # a source had more rows than are shown

    @property
    def problems(self) -> list[Entry]:
        """What went wrong on the way."""
        return [entry for entry in self.entries if entry.is_trouble]

    @property
    def is_unknown(self) -> bool:
        """Whether nothing at all is known of the number."""
        return self.subject.order is None and not self.entries


def put_together(subject: Subject, found: Sequence[Sequence[Entry | Ahead]]) -> Way:
    """Sort what the sources found, and write the time between beside each."""
    entries = sorted(
        (one for rows in found for one in rows if isinstance(one, Entry)), key=lambda entry: entry.at
    )
    ahead = [one for rows in found for one in rows if isinstance(one, Ahead)]
    befores = [None, *(entry.at for entry in entries)]
    return Way(
        subject=subject,
        entries=[
            replace(entry, after=f"+{gap(entry.at - before)}" if before else "")
            for entry, before in zip(entries, befores, strict=False)
        ],
        ahead=sorted(ahead, key=lambda one: (one.at is not None, one.at or timezone.now())),
        is_cut=any(len(rows) >= MAX_ROWS for rows in found),
    )


def gap(length: timedelta) -> str:
    """A length of time as people say it: 0, 240 ms, 3.2 s, 4 minutes, 2 days."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    now = timezone.now()
    return timesince(now - length, now, depth=2)
