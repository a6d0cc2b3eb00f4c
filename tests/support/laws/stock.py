"""Laws of stock: levels, ledger, reservations and the lines of orders say the same."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tests.support.laws.books import Books, LedgerRow, UnitRow


def levels_are_what_their_rows_add_up_to(books: Books) -> Iterator[str]:
    """on_hand is the sum of the ledger, reserved the sum of the open reservations."""
    moved: Counter[str] = Counter()
    for row in books.ledger:
        moved[row.product_id] += row.change
    held: Counter[str] = Counter()
    for unit in books.held:
        held[unit.product_id] += unit.quantity
    levels = {level.product_id: (level.on_hand, level.reserved) for level in books.levels}
    for sku in sorted(moved.keys() | held.keys() | levels.keys()):
        if levels.get(sku) != (moved[sku], held[sku]):
            yield f"{sku} has {levels.get(sku)}, its rows add up to {(moved[sku], held[sku])}"


def nothing_is_promised_that_is_not_there(books: Books) -> Iterator[str]:
    """Of tracked products no more is sold and reserved than was there, but for facts that others told."""
    gone: Counter[str] = Counter()
    for row in books.ledger:
        if row.change < 0 and _is_told_by_others(row, books):
            gone[row.product_id] -= row.change
    for level in books.levels:
        if level.tracked and level.on_hand + gone[level.product_id] < level.reserved:
            yield f"{level.product_id}: {level.on_hand} there, {level.reserved} reserved"


def a_sale_is_the_lines_of_an_order_that_was_paid(books: Books) -> Iterator[str]:
    """Our ledger has sold exactly what paid orders bought, once; no more came back than was sold."""
    paid = {move.order_id for move in books.history if move.to_status == "paid"}
    bought = _units(row for row in books.lines if row.order_id in paid)
    sold, back = _ledger(books, "sale"), _ledger(books, "return")
    for unit in sorted(bought.keys() | sold.keys()):
        if bought[unit] != -sold[unit]:
            yield f"{unit}: {bought[unit]} bought, {-sold[unit]} sold"
    for unit, count in back.items():
        if count > -sold[unit] and not _is_refund_elsewhere(unit[0], books):
            yield f"{unit}: {-sold[unit]} sold, {count} came back"


def an_order_holds_its_units_exactly_while_it_is_placed(books: Books) -> Iterator[str]:
    """Each placed order has reserved what its lines say, and no other order holds anything."""
    held = _units(books.held)
    wanted = _units(row for row in books.lines if books.orders[row.order_id].status == "placed")
    for unit in sorted(held.keys() | wanted.keys()):
        if held[unit] != wanted[unit]:
            yield f"{unit}: {wanted[unit]} placed, {held[unit]} reserved"


def _is_told_by_others(row: LedgerRow, books: Books) -> bool:
    order = books.orders.get(row.order_id)
    return row.origin is not None or (order is not None and order.elsewhere)


def _is_refund_elsewhere(order_id: str, books: Books) -> bool:
    order = books.orders.get(order_id)
    return order is not None and order.elsewhere and order.status == "refunded"


def _units(rows: Iterable[UnitRow]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        sums[row.order_id, row.product_id] += row.quantity
    return sums


def _ledger(books: Books, reason: str) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for row in books.ledger:
        if row.reason == reason and row.origin is None:
            sums[row.order_id, row.product_id] += row.change
    return sums
