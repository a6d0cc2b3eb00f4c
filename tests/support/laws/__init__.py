"""What holds in a shop at any moment, whatever happened: one function a law, each names its breaches.

The state machine asks after every step, races and killings at their end; LAWS_AT_REST hold once nothing
is under way any more. ask_laws.py asks from outside.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tests.support.laws.books import Books, read_books
from tests.support.laws.history import (
    each_mail_tells_of_something_that_happened,
    every_move_is_in_the_table_and_follows_the_one_before,
    every_move_is_told_once,
    every_row_of_our_ledger_is_told_once,
)
from tests.support.laws.money import (
    a_settled_payment_is_what_the_bank_did,
    a_settled_refund_is_what_the_bank_did,
    money_in_is_what_was_captured_less_what_was_refunded,
    the_shop_keeps_the_price_of_what_it_sold_and_no_more,
)
from tests.support.laws.rest import nothing_is_under_way_any_more, nothing_was_given_up
from tests.support.laws.stock import (
    a_sale_is_the_lines_of_an_order_that_was_paid,
    an_order_holds_its_units_exactly_while_it_is_placed,
    levels_are_what_their_rows_add_up_to,
    nothing_is_promised_that_is_not_there,
)

Law = Callable[[Books], Iterator[str]]

LAWS: Final[tuple[Law, ...]] = (
    levels_are_what_their_rows_add_up_to,
    nothing_is_promised_that_is_not_there,
    a_sale_is_the_lines_of_an_order_that_was_paid,
    an_order_holds_its_units_exactly_while_it_is_placed,
    a_settled_payment_is_what_the_bank_did,
    a_settled_refund_is_what_the_bank_did,
    money_in_is_what_was_captured_less_what_was_refunded,
    the_shop_keeps_the_price_of_what_it_sold_and_no_more,
    every_move_is_in_the_table_and_follows_the_one_before,
    every_move_is_told_once,
    every_row_of_our_ledger_is_told_once,
    each_mail_tells_of_something_that_happened,
)
LAWS_AT_REST: Final[tuple[Law, ...]] = (*LAWS, nothing_is_under_way_any_more, nothing_was_given_up)


def breaches(laws: Iterable[Law] = LAWS) -> list[str]:
    """Every breach of these laws, each with the law's name; [] where all hold."""
    books = read_books()
    return [f"{law.__name__}: {breach}" for law in laws for breach in law(books)]
