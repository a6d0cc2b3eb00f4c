"""Checked values out of a line's texts. A line -> here -> the formats; a wrong one is an InvalidLine.

The bounds are those of events/schemas.py: what passes here is never a dead letter later.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from shopsite.traffic.recordings import InvalidLine

_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")
_MONEY = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]*)?")
MOST_MONEY = Decimal(10) ** 9  # below this, as in the events
MOST_UNITS = 1_000_000
T = TypeVar("T")


def columns(line: str) -> list[str]:
    """The cells of one CSV line. A cell never runs over a line end: one stray quote costs one line."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise InvalidLine(f"not CSV: {error}") from None


def positions(header: str, names: Sequence[str]) -> list[int] | None:
    """Where the named columns stand in a header line, in any order; None where one is missing."""
    try:
        cells = [cell.strip() for cell in columns(header)]
    except InvalidLine:
        return None
    found = {name: at for at, name in enumerate(cells)}
    return [found[name] for name in names] if all(name in found for name in names) else None


def identifier(value: str, name: str) -> str:
    """An id of 1 to 128 characters."""
    if not value:
        raise InvalidLine(f"{name} is empty")
    if len(value) > 128:
        raise InvalidLine(f"{name} has {len(value)} characters, at most 128 fit")
    if "\x00" in value or "\ufffd" in value:
        raise InvalidLine(f"{name} {value!r} has a character that is none")
    return value


def whole(value: str, name: str) -> int:
    """A whole number of at most ten digits."""
    if not _WHOLE.fullmatch(value):
        raise InvalidLine(f"{name} {_shown(value)} is no whole number")
    return int(value)


def units(value: int, name: str) -> int:
    """A number of units: 1 to a million."""
    if not 1 <= value <= MOST_UNITS:
        raise InvalidLine(f"{name} {value} is not from 1 to {MOST_UNITS}")
    return value


def money(value: str, name: str) -> Decimal:
    """An exact amount in plain digits, of either sign, with at most six decimals."""
    if not _MONEY.fullmatch(value):
        raise InvalidLine(f"{name} {_shown(value)} is no amount")
    amount = Decimal(value)
    if abs(amount) >= MOST_MONEY:
        raise InvalidLine(f"{name} {_shown(value)} is not below {MOST_MONEY}")
    if len(value.partition(".")[2]) > 6 and amount != round(amount, 6):
        raise InvalidLine(f"{name} {_shown(value)} has more than six decimals")
    return amount


def moment(value: str, name: str, latest: datetime) -> datetime:
    """A time such as `2010-12-01 08:26:00`, taken as UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        raise InvalidLine(f"{name} {_shown(value)} is no time such as 2010-12-01 08:26:00") from None
    try:
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        raise InvalidLine(f"{name} {_shown(value)} is out of range") from None
    return _not_ahead(at, name, latest)


def epoch(value: float, name: str, latest: datetime) -> datetime:
    """A time given as seconds since 1970."""
    try:
        at = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidLine(f"{name} {value} is no time") from None
    return _not_ahead(at, name, latest)


def _not_ahead(at: datetime, name: str, latest: datetime) -> datetime:
    """Refuse what can't have happened yet, and what no shop on the web can have recorded."""
    if at > latest:
        raise InvalidLine(f"{name} {at:%Y-%m-%d %H:%M:%S} is in the future")
    if at.year < 1970:
        raise InvalidLine(f"{name} {at.isoformat(sep=' ')} is before 1970")
    return at


def choice(value: str, name: str, of: Mapping[str, T]) -> T:
    """What a word stands for."""
    try:
        return of[value]
    except KeyError:
        raise InvalidLine(f"{name} {_shown(value)} is none of {', '.join(of)}") from None


def _shown(value: str) -> str:
    """A value as it may stand in a message: quoted, and not longer than a line."""
    return repr(value if len(value) <= 40 else value[:40] + "…")
