"""Lines of a file that are one order. A format's reader -> here, until the order's last line -> the reader.

Lines of one order need not be neighbours, so each format reads the file once before to know where the last
one stands; what waits for its last line is bounded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shopsite.events.schemas import OrderLine
from shopsite.traffic.formats.fields import money
from shopsite.traffic.recordings import InvalidLine, Recording, WrongFile

ZERO = Decimal(0)
# Lines held back until the last line of their order is read; the real Online Retail recording needs 1,100.
MOST_HELD = 200_000
MOST_LINES = 5_000  # of one order, so that its message stays below 512 KiB


@dataclass
class Gathered:
    """The lines of one order that were read so far; what is said once is its first line's."""

    number: str  # as the file has it
    line: int  # where its first line stands: names its event
    at: datetime
    user: str
    country: str | None = None
    session: str | None = None
    lines: list[OrderLine] = field(default_factory=list)

    def amount(self) -> Decimal:
        """Sum of units times price, unknown prices as nothing. Raises InvalidLine where it can't be."""
        found = sum((line.quantity * line.price for line in self.lines if line.price), ZERO)
        return money(format(found, "f"), f"the sum of order {self.number}")


class Gathering:
    """The orders of a recording whose last line was not read yet."""

    def __init__(self, recording: Recording, last_lines: Mapping[str, int]) -> None:
        self._recording = recording
        self._ends = {line: number for number, line in last_lines.items()}
        self._held: dict[str, Gathered] = {}
        self._count = 0

    def add(self, order: Gathered, line: int, sold: OrderLine) -> None:
        """Put a line to its order, which is `order` where it is the first one.

        Raises InvalidLine where the order is too long, WrongFile where too many lines would be kept.
        """
        held = self._held.setdefault(order.number, order)
        if len(held.lines) == MOST_LINES:
            raise InvalidLine(f"order {order.number} has more than {MOST_LINES} lines")
        if self._count == MOST_HELD:
            raise WrongFile(
                f"{self._recording.path}: the lines of its orders are too far apart "
                f"({MOST_HELD} wait for the rest of theirs at line {line}): sort it by order first."
            )
        held.lines.append(sold)
        self._count += 1

    def ended(self, line: int) -> Gathered | None:
        """The order whose last line this is, if any of its lines was right; it is held no longer."""
        order = self._held.pop(self._ends.get(line, ""), None)
        if order:
            self._count -= len(order.lines)
        return order


def last_lines(numbered: Iterable[tuple[int, str | None]]) -> dict[str, int]:
    """Order number -> the last line that has it. numbered: line, and its order number or None."""
    return {number: line for line, number in numbered if number}
