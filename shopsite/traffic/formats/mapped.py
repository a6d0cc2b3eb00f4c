"""Any CSV file, explained by a mapping file. Lines, a mapping -> here -> clicks, and orders paid elsewhere.

The mapping is JSON: which column holds what, what its words for events mean here, how its times are written.
docs/traffic.md shows one. What the mapping gets wrong is told in one sentence before anything is sent.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shopsite.events.schemas import Click, ClickType, OrderLine, OrderPlaced
from shopsite.traffic.formats.fields import MOST_MONEY, epoch, identifier, moment, money, units, whole
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally, WrongFile

NEEDED = ("user_id", "product_id", "timestamp")
TEXTS = ("path", "referrer", "campaign", "device", "country", "search", "category", "site")
KNOWN = (*NEEDED, "type", "session_id", "order_id", "price", "quantity", *TEXTS)
Meaning = Literal["order", "skip"] | ClickType
Times = Literal["iso", "seconds", "milliseconds"]
LONGEST = {"path": 2048, "referrer": 2048, "country": 64}  # characters that the event takes; of others 200


class Explained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mapping file says."""

    columns: dict[str, str | int]  # our field -> name in the header, or number from 1 on
    types: dict[str, Meaning] = {}  # the file's word -> a click's type, "order" or "skip"
    default: Meaning = "view_item"  # where there is no column of types
    time: Times = "iso"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    header: bool = True
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None  # of orders; the shop's where absent


def read_mapping(path: Path) -> Explained:
    """The mapping in a file. Raises WrongFile, saying what is wrong with it."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Explained)
    except OSError as error:
        raise WrongFile(f"The mapping {path} can't be read: {error.strerror or error}.") from None
    except msgspec.MsgspecError as error:
        raise WrongFile(f"The mapping {path} is wrong: {error}.") from None
    if fault := _fault(found):
        raise WrongFile(f"The mapping {path} is wrong: {fault}.")
    return found


def _fault(mapping: Explained) -> str:
    """What makes the mapping unusable, "" where nothing does."""
    columns = mapping.columns
    if missing := [name for name in NEEDED if name not in columns]:
        return f"columns lacks {', '.join(missing)}"
    if unknown := [name for name in columns if name not in KNOWN]:
        return f"columns has {', '.join(unknown)}; known are {', '.join(KNOWN)}"
    if "type" in columns and not mapping.types:
        return "a column of types needs types, which says what each word means"
    if not mapping.header and any(isinstance(column, str) for column in columns.values()):
        return "without a header, columns are numbers from 1 on"
    if any(isinstance(column, int) and column < 1 for column in columns.values()):
        return "columns are counted from 1 on"
    return ""


class Mapped:
    """Reads the recordings that one mapping explains."""

    def __init__(self, mapping: Explained) -> None:
        self._mapping = mapping

    def recognises(self, sample: Sequence[str]) -> bool:
        """Whether the first line has every column."""
        try:
            return bool(sample) and bool(self._places(sample[0]))
        except InvalidLine:
            return False

    def read(self, recording: Recording, tally: Tally) -> Iterator[Recorded]:
        """The events of a recording, one a line."""
        places: dict[str, int] = {}
        for number, text in recording.lines():
            if not places:
                places = self._places(text)
                if self._mapping.header:
                    continue
            tally.lines += 1
            try:
                cells = self._cells(text)
                if len(cells) <= max(places.values()):
                    raise InvalidLine(f"{len(cells)} columns, {max(places.values()) + 1} are needed")
                row = {name: cells[place].strip() for name, place in places.items()}
                if event := self._event(recording, tally, number, row):
                    yield event
            except InvalidLine as error:
                tally.reject(number, str(error))

    def _cells(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self._mapping.delimiter, strict=True))
        except csv.Error as error:
            raise InvalidLine(f"not CSV: {error}") from None

    def _places(self, first: str) -> dict[str, int]:
        """Where each field stands in a line; {} where the header lacks a column."""
        header = [cell.strip() for cell in self._cells(first)]
        found: dict[str, int] = {}
        for name, column in self._mapping.columns.items():
            if isinstance(column, int):
                found[name] = column - 1
            elif column in header:
                found[name] = header.index(column)
            else:
                return {}
        return found if len(header) > max(found.values()) else {}

    def _event(
        self, recording: Recording, tally: Tally, number: int, row: Mapping[str, str]
    ) -> Recorded | None:
        kind = self._kind(row)
        if kind == "skip":
            tally.skip(number, f"{row['type']}: the mapping skips it")
            return None
        at = self._time(row["timestamp"], recording.latest)
        return (
            self._order(recording, number, row, at)
            if kind == "order"
            else self._click(recording, number, row, at, kind)
        )

    def _kind(self, row: Mapping[str, str]) -> Meaning:
        if "type" not in row:
            return self._mapping.default
        word = row["type"]
        if word not in self._mapping.types:
            raise InvalidLine(f"type {word[:40]!r} is none of {', '.join(self._mapping.types)}")
        return self._mapping.types[word]

    def _time(self, text: str, latest: datetime) -> datetime:
        if self._mapping.time == "iso":
            return moment(text, "timestamp", latest)
        if self._mapping.time == "seconds":
            return epoch(whole(text, "timestamp"), "timestamp", latest)
        if not (text.isascii() and text.isdecimal() and len(text) <= 15):
            raise InvalidLine(f"timestamp {text[:40]!r} is no number of milliseconds")
        return epoch(int(text) / 1000, "timestamp", latest)

    def _click(
        self, recording: Recording, number: int, row: Mapping[str, str], at: datetime, kind: ClickType
    ) -> Recorded:
        texts = {name: row[name][: LONGEST.get(name, 200)] or None for name in TEXTS if name in row}
        product = row["product_id"]
        click = Click(
            event_id=recording.event_id(number),
            type=kind,
            user_id=identifier(row["user_id"], "user_id"),
            product_id=identifier(product, "product_id") if product or kind == "view_item" else None,
            session_id=identifier(row["session_id"], "session_id") if row.get("session_id") else None,
            timestamp=at,
            **texts,  # type: ignore[arg-type]  # the fields of TEXTS are all texts
        )
        return Recorded("clicks", click.user_id, click, number)

    def _order(self, recording: Recording, number: int, row: Mapping[str, str], at: datetime) -> Recorded:
        """A line is an order of one product; lines of one order are orders of their own."""
        product = identifier(row["product_id"], "product_id")
        count = units(whole(row["quantity"], "quantity"), "quantity") if row.get("quantity") else 1
        price = money(row["price"], "price") if row.get("price") else None
        if price is not None and price < 0:
            raise InvalidLine(f"price {price} is below 0")
        amount = (price or Decimal(0)) * count
        if amount >= MOST_MONEY:
            raise InvalidLine(f"amount {amount} is not below {MOST_MONEY}")
        name = f"{row.get('order_id') or 'line'}-{number}"
        order = OrderPlaced(
            event_id=recording.event_id(number),
            order_id=identifier(recording.scoped(name), "order_id"),
            user_id=row["user_id"] and identifier(row["user_id"], "user_id"),
            product_ids=[product],
            lines=[OrderLine(product_id=product, quantity=count, price=price)],
            amount=amount,
            currency=self._mapping.currency,
            status="paid",
            session_id=identifier(row["session_id"], "session_id") if row.get("session_id") else None,
            timestamp=at,
        )
        return Recorded("orders", order.order_id, order, number)
