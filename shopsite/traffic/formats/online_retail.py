"""Invoices of a UK shop (UCI Online Retail). CSV lines -> here -> orders, refunds, stock events.

Source: data/README.md of the recording. An invoice's sale lines are one order that was paid at the
invoice's time; an invoice that begins with C is a refund, a record of its own; lines at price 0 are
stock events. An order's id is the invoice's number and a mark of the recording (`536365-1f2e3d4c`),
because two recordings may number their invoices alike. Countries and customers stay as recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shopsite.events.schemas import OrderLine, OrderPlaced, StockChanged
from shopsite.traffic.formats.fields import columns, identifier, moment, money, positions, units, whole
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally, WrongFile

CURRENCY = "GBP"
ZERO = Decimal(0)
COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
# Lines held back until the last line of their invoice is read; the real recording needs about 1,100.
MOST_HELD = 200_000
MOST_LINES = 5_000  # of one order, so that its message stays below 512 KiB


@dataclass
class Invoice:
    """The lines of one invoice that were read so far."""

    number: str
    line: int  # where its first line stands: names its event
    at: datetime
    customer: str
    country: str | None
    lines: list[OrderLine] = field(default_factory=list)


def recognises(sample: Sequence[str]) -> bool:
    """Whether the first lines of a file are of this format."""
    return bool(sample) and positions(sample[0], COLUMNS) is not None


def read(recording: Recording, tally: Tally) -> Iterator[Recorded]:
    """The events of a recording, in the order of their last lines. Raises WrongFile."""
    return _Reader(recording, tally).events()


class _Reader:
    """One pass over one recording."""

    def __init__(self, recording: Recording, tally: Tally) -> None:
        self.recording = recording
        self.tally = tally
        self.held: dict[str, Invoice] = {}
        self.lines_held = 0

    def events(self) -> Iterator[Recorded]:
        numbered = self.recording.lines()
        self.where = positions(next(numbered)[1], COLUMNS) or []
        last_lines = self._last_lines()
        for number, text in numbered:
            self.tally.lines += 1
            try:
                if event := self._line(number, self._row(text)):
                    yield event
            except InvalidLine as error:
                self.tally.reject(number, str(error))
            ended = last_lines.get(number)
            if ended is not None and (invoice := self.held.pop(ended, None)):
                self.lines_held -= len(invoice.lines)
                yield from self._order(invoice)

    def _last_lines(self) -> dict[int, str]:
        """Line number -> the invoice whose last line it is: lines of one need not be neighbours."""
        last: dict[str, int] = {}
        numbered = self.recording.lines()
        next(numbered)
        for number, text in numbered:
            try:
                last[columns(text)[self.where[0]]] = number
            except (InvalidLine, IndexError):
                continue  # told of when the line itself is read
        return {number: invoice for invoice, number in last.items()}

    def _row(self, text: str) -> list[str]:
        """The cells that matter, in the order of COLUMNS."""
        cells = columns(text)
        try:
            return [cells[at] for at in self.where]
        except IndexError:
            raise InvalidLine(f"{len(cells)} columns, {max(self.where) + 1} are needed") from None

    def _line(self, number: int, row: list[str]) -> Recorded | None:
        """Put a sale or a cancellation with its invoice; a stock event is returned at once."""
        invoice = identifier(row[0], "InvoiceNo")
        if invoice.startswith("A"):
            self.tally.skip(number, "adjust_bad_debt: neither a sale nor a stock event")
            return None
        product = identifier(row[1], "StockCode")
        quantity = whole(row[2], "Quantity")
        at = moment(row[3], "InvoiceDate", self.recording.latest)
        price = money(row[4], "UnitPrice")
        if price == 0 and not invoice.startswith("C"):
            return self._stock(number, product, quantity, at)
        if price < 0:
            raise InvalidLine(f"UnitPrice {price} is below 0")
        if invoice.startswith("C"):
            quantity = -quantity  # what came back
        sold = OrderLine(product_id=product, quantity=units(quantity, "Quantity"), price=price)
        self._hold(number, row, at, sold)
        return None

    def _hold(self, number: int, row: list[str], at: datetime, sold: OrderLine) -> None:
        """Keep a line until its invoice is complete. Raises WrongFile where too many would be kept."""
        invoice = self.held.get(row[0])
        if invoice is None:
            customer = identifier(row[5], "CustomerID") if row[5] else ""
            country = row[6].replace("\x00", "")[:64] or None
            invoice = self.held[row[0]] = Invoice(row[0], number, at, customer, country)
        if len(invoice.lines) == MOST_LINES:
            raise InvalidLine(f"invoice {row[0]} has more than {MOST_LINES} lines")
        if self.lines_held == MOST_HELD:
            raise WrongFile(
                f"{self.recording.path}: the lines of its invoices are too far apart "
                f"({MOST_HELD} wait for the rest of theirs at line {number}): sort it by InvoiceNo first."
            )
        invoice.lines.append(sold)
        self.lines_held += 1

    def _stock(self, number: int, product: str, quantity: int, at: datetime) -> Recorded:
        """Goods that left without a sale: written off (quantity below 0) or given away (above)."""
        reason = "adjustment" if quantity < 0 else "gift"
        event = StockChanged(
            event_id=self.recording.event_id(number),
            product_id=product,
            quantity_change=-units(abs(quantity), "Quantity"),
            timestamp=at,
            reason=reason,
        )
        return Recorded("inventory", product, event, number)

    def _order(self, invoice: Invoice) -> Iterator[Recorded]:
        """The order or refund of a complete invoice; none where its sum can't be."""
        amount = sum((line.quantity * line.price for line in invoice.lines if line.price), ZERO)
        try:
            money(format(amount, "f"), f"the sum of invoice {invoice.number}")
        except InvalidLine as error:
            self.tally.reject(invoice.line, str(error))
            return
        order_id = self.recording.scoped(invoice.number)
        event = OrderPlaced(
            event_id=self.recording.event_id(invoice.line),
            order_id=order_id,
            user_id=invoice.customer,
            product_ids=[line.product_id for line in invoice.lines],
            lines=invoice.lines,
            amount=amount,
            currency=CURRENCY,
            status="refunded" if invoice.number.startswith("C") else "paid",
            timestamp=invoice.at,
            country=invoice.country,
        )
        yield Recorded("orders", order_id, event, invoice.line)
