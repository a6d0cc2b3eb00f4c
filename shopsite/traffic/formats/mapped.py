"""Any CSV file, explained by a mapping file. Lines, a mapping -> here -> clicks, and orders paid elsewhere.

The mapping is JSON: which column holds what, what its words for events mean here, how its times are written.
docs/traffic.md shows one. What the mapping gets wrong is told in one sentence before anything is sent.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shopsite.events.schemas import Click, ClickType, OrderLine, OrderPlaced
from shopsite.traffic.formats.fields import epoch, identifier, moment, money, units, whole
from shopsite.traffic.formats.gathered import Gathered, Gathering, last_lines
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
        """The events of a recording: a click at its line, an order at its last line. Raises WrongFile."""
        orders = Gathering(recording, last_lines(self._numbers(recording)))
        places: dict[str, int] = {}
        for number, text in recording.lines():
            if not places:
                places = self._places(text)
                if self._mapping.header:
                    continue
            tally.lines += 1
            try:
                yield from self._events(recording, tally, number, self._row(text, places), orders)
            except InvalidLine as error:
                tally.reject(number, str(error))
            if order := orders.ended(number):
                yield from self._order(recording, tally, order)

    def _numbers(self, recording: Recording) -> Iterator[tuple[int, str | None]]:
        """Each line with its order's number; None where it has none, or is wrong."""
        if "order_id" not in self._mapping.columns:
            return
        place: int | None = None
        for number, text in recording.lines():
            try:
                place = self._places(text)["order_id"] if place is None else place
                yield number, self._cells(text)[place].strip()
            except (InvalidLine, LookupError):
                yield number, None  # told of when the line itself is read

    def _row(self, text: str, places: Mapping[str, int]) -> dict[str, str]:
        """A line's cells by our names."""
        cells = self._cells(text)
        if len(cells) <= max(places.values()):
            raise InvalidLine(f"{len(cells)} columns, {max(places.values()) + 1} are needed")
        return {name: cells[place].strip() for name, place in places.items()}

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

    def _events(
        self, recording: Recording, tally: Tally, number: int, row: Mapping[str, str], orders: Gathering
    ) -> Iterator[Recorded]:
        """The click or the order that a line tells; none where the line is one of an order's."""
        kind = self._kind(row)
        if kind == "skip":
            tally.skip(number, f"{row['type']}: the mapping skips it")
            return
        at = self._time(row["timestamp"], recording.latest)
        if kind != "order":
            yield self._click(recording, number, row, at, kind)
            return
        order, sold = _begun(number, row, at), _sold(row)
        if row.get("order_id"):
            orders.add(order, number, sold)
        else:
            order.lines.append(sold)
            yield from self._order(recording, tally, order)

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

    def _order(self, recording: Recording, tally: Tally, gathered: Gathered) -> Iterator[Recorded]:
        """A complete order; none where its sum can't be."""
        try:
            amount = gathered.amount()
            order_id = identifier(recording.scoped(gathered.number), "order_id")
        except InvalidLine as error:
            tally.reject(gathered.line, str(error))
            return
        order = OrderPlaced(
            event_id=recording.event_id(gathered.line),
            order_id=order_id,
            user_id=gathered.user,
            product_ids=[line.product_id for line in gathered.lines],
            lines=gathered.lines,
            amount=amount,
            currency=self._mapping.currency,
            status="paid",
            session_id=gathered.session,
            timestamp=gathered.at,
        )
        yield Recorded("orders", order.order_id, order, gathered.line)


def _begun(number: int, row: Mapping[str, str], at: datetime) -> Gathered:
    """The order that begins with this line, without it; a line without an order's number is one alone."""
    return Gathered(
        number=row.get("order_id") or f"line-{number}",
        line=number,
        at=at,
        user=row["user_id"] and identifier(row["user_id"], "user_id"),
        session=identifier(row["session_id"], "session_id") if row.get("session_id") else None,
    )


def _sold(row: Mapping[str, str]) -> OrderLine:
    """What a line sells."""
    count = units(whole(row["quantity"], "quantity"), "quantity") if row.get("quantity") else 1
    price = money(row["price"], "price") if row.get("price") else None
    if price is not None and price < 0:
        raise InvalidLine(f"price {price} is below 0")
    return OrderLine(product_id=identifier(row["product_id"], "product_id"), quantity=count, price=price)
