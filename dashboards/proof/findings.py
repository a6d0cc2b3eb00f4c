"""What an audit found: sums counted twice, each bucket that differs, what has no proof. audit.py -> here."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.counting.batch import Place
from dashboards.keys import STEP, money, split_field
from dashboards.reports.selectors import rfc3339

NAMED = 50  # differences that are named one by one
_WIDTH_NAME = {"m": "minute", "h": "hour", "d": "day"}
_TOPIC_OF_TYPES = {"events": "clicks", "bots": "clicks of bots", "changes": "order events"}
_OF_PRODUCTS = {
    "v": "product views",
    "c": "product carts",
    "x": "products taken out of carts",
    "u": "product units",
}
_OF_STOCK = {"events": "events", "change": "change"}
_OF_CATEGORIES = {"l": "category lists", "v": "category views", "c": "category carts"}
_OF_PAIRS = {"o": "orders by product", "p": "orders by two products"}


@dataclass(frozen=True)
class Check:
    """One number, counted twice."""

    name: str
    log: object
    stored: object

    @property
    def ok(self) -> bool:
        """Whether both say the same."""
        return self.log == self.stored

    def as_json(self) -> dict[str, object]:
        """The check as `audit --json` prints it."""
        return {"name": self.name, "log": self.log, "stored": self.stored, "ok": self.ok}


@dataclass
class Findings:
    """The result of an audit, as it grows."""

    differences: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # positions of clicks
    events: int = 0  # how many messages were counted
    seconds: float = 0.0
    _log: dict[tuple[str, bool], int] = field(default_factory=lambda: defaultdict(int))
    _stored: dict[tuple[str, bool], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, part: "Findings") -> None:
        """Add those of a part of what is audited."""
        self.differences += part.differences
        self.notes += part.notes
        self.unreadable += part.unreadable
        self.events += part.events
        for sums, of_part in ((self._log, part._log), (self._stored, part._stored)):
            for name, number in of_part.items():
                sums[name] += number

    def add_up(self, fold: str, log: Mapping[str, int], stored: Mapping[str, int]) -> None:
        """Add the fields of one day's bucket to the sums."""
        for sums, fields in ((self._log, log), (self._stored, stored)):
            for name, number in fields.items():
                sums[_sum_of(fold, name)] += number

    def compare(self, tp: str, place: Place, log: Mapping[str, int], stored: Mapping[str, int]) -> None:
        """Note each field of a bucket that differs."""
        if log == stored:
            return
        for name in sorted(log.keys() | stored.keys()):
            numbers = log.get(name, 0), stored.get(name, 0)
            if numbers[0] != numbers[1]:
                where = f"{_WIDTH_NAME[place.grain]} {rfc3339(place.start)}"
                what = f"{place.fold} {name}".rstrip().replace(STEP, " to ")
                self.differences.append(Check(f"{what}, {where}, {tp}", *_shown(place.fold, name, numbers)))

    def checks(self) -> list[Check]:
        """All of it as checks."""
        names = sorted(self._log.keys() | self._stored.keys())
        sums = [
            Check(name, _number(self._log[name, money_], money_), _number(self._stored[name, money_], money_))
            for name, money_ in names
        ]
        named = self.differences[:NAMED]
        if left := len(self.differences) - len(named):
            named.append(Check("further differences", 0, left))
        return sums + named


def _sum_of(fold: str, name: str) -> tuple[str, bool]:
    """What the sum is called that a field goes into, and whether it is money."""
    kind, rest = split_field(name)
    match fold:
        case "events" | "bots" | "changes":
            return f"{_TOPIC_OF_TYPES[fold]}: {name}", False
        case "products" if kind == "r":
            return f"product revenue {split_field(rest)[0]}", True
        case "products":
            return _OF_PRODUCTS[kind], False
        case "orders":
            return f"paid {name}", False
        case "revenue":
            return f"revenue {name}", True
        case "refunds" if kind == "amount":
            return f"refunded {rest}", True
        case "refunds":
            return f"refunded {name}", False
        case "stock":
            return f"stock {_OF_STOCK[kind]}", False
        case "categories":
            return _OF_CATEGORIES[kind], False
        case "pairs":
            return _OF_PAIRS[kind], False
    return fold, False


def _shown(fold: str, name: str, numbers: tuple[int, int]) -> tuple[object, object]:
    is_money = _sum_of(fold, name)[1]
    return _number(numbers[0], is_money), _number(numbers[1], is_money)


def _number(number: int, is_money: bool) -> object:
    return money(number) if is_money else number
