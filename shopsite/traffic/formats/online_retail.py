"""Invoices of a UK shop (UCI Online Retail). CSV lines -> here -> orders, refunds, stock events.

Source: data/README.md of the recording. An invoice's sale lines are one order that was paid at the
invoice's time; an invoice that begins with C is a refund, a record of its own; lines at price 0 are
stock events. An order's id is the invoice's number and a mark of the recording (`536365-1f2e3d4c`),
because two recordings may number their invoices alike. Countries and customers stay as recorded.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from shopsite.events.schemas import OrderLine, OrderPlaced, StockChanged
from shopsite.traffic.formats.fields import columns, identifier, moment, money, positions, units, whole
from shopsite.traffic.formats.gathered import Gathered, Gathering, last_lines
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally

CURRENCY = "GBP"
COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


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

    def events(self) -> Iterator[Recorded]:
        numbered = self.recording.lines()
        self.where = positions(next(numbered)[1], COLUMNS) or []
        self.invoices = Gathering(self.recording, last_lines(self._numbers()))
        for number, text in numbered:
            self.tally.lines += 1
            try:
                if event := self._line(number, self._row(text)):
                    yield event
            except InvalidLine as error:
                self.tally.reject(number, str(error))
            if invoice := self.invoices.ended(number):
                yield from self._order(invoice)

    def _numbers(self) -> Iterator[tuple[int, str | None]]:
        """Each line with its invoice's number; None where it is wrong, which is told when it is read."""
        numbered = self.recording.lines()
        next(numbered)
        for number, text in numbered:
            try:
                yield number, columns(text)[self.where[0]]
            except (InvalidLine, IndexError):
                yield number, None

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
        """Keep a line until its invoice is complete."""
        customer = identifier(row[5], "CustomerID") if row[5] else ""
        country = row[6].replace("\x00", "")[:64] or None
        self.invoices.add(Gathered(row[0], number, at, customer, country), number, sold)

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

    def _order(self, invoice: Gathered) -> Iterator[Recorded]:
        """The order or refund of a complete invoice; none where its sum can't be."""
        try:
            amount = invoice.amount()
        except InvalidLine as error:
            self.tally.reject(invoice.line, str(error))
            return
        order_id = self.recording.scoped(invoice.number)
        event = OrderPlaced(
            event_id=self.recording.event_id(invoice.line),
            order_id=order_id,
            user_id=invoice.user,
            product_ids=[line.product_id for line in invoice.lines],
            lines=invoice.lines,
            amount=amount,
            currency=CURRENCY,
            status="refunded" if invoice.number.startswith("C") else "paid",
            timestamp=invoice.at,
            country=invoice.country,
        )
        yield Recorded("orders", order_id, event, invoice.line)
