"""Laws of money: what the shop believes of payments and refunds is what the bank did."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from orders.models import Payment, Refund
from orders.states import Status
from tests.support.laws.books import Books

ZERO = Decimal(0)
SETTLED = (Payment.State.CAPTURED, Payment.State.DECLINED, Payment.State.VOID)
SOLD = (Status.PAID, Status.PACKED, Status.SHIPPED, Status.DELIVERED, Status.REFUND_PENDING, Status.REFUNDED)


def a_settled_payment_is_what_the_bank_did(books: Books) -> Iterator[str]:
    """What is captured here was captured there; declined and void took nothing; no key is unknown."""
    unknown = dict(books.bank)
    for payment in books.payments:
        taken = unknown.pop(payment.key, None)
        amount = taken.captured if taken else ZERO
        wanted = payment.amount if payment.state == Payment.State.CAPTURED else ZERO
        if payment.state in SETTLED and amount != wanted:
            yield f"{payment.key} is {payment.state} with {payment.amount}, the bank took {amount}"
    for key in unknown:
        yield f"the bank charged under {key}, which is no payment's"


def a_settled_refund_is_what_the_bank_did(books: Books) -> Iterator[str]:
    """What is done here was given there, once, under its key; what was refused was not."""
    given = {key: part for taken in books.bank.values() for key, part in taken.refunds.items()}
    for refund in books.refunds:
        part = given.pop(refund.key, ZERO)
        wanted = refund.amount if refund.state == Refund.State.DONE else ZERO
        if refund.state != Refund.State.DUE and part != wanted:
            yield f"{refund.key} is {refund.state} with {refund.amount}, the bank gave {part}"
    for key in given:
        yield f"the bank gave back under {key}, which is no refund's"


def money_in_is_what_was_captured_less_what_was_refunded(books: Books) -> Iterator[str]:
    """The bank keeps for each order what was captured less what was refunded, where nothing is open."""
    kept, believed = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
    moving = {payment.order_id for payment in books.payments if payment.state not in SETTLED}
    moving |= {refund.order_id for refund in books.refunds if refund.state == Refund.State.DUE}
    for payment in books.payments:
        if payment.key in books.bank:
            kept[payment.order_id] += books.bank[payment.key].kept
        if payment.state == Payment.State.CAPTURED:
            believed[payment.order_id] += payment.amount
    for refund in books.refunds:
        if refund.state == Refund.State.DONE:
            believed[refund.order_id] -= refund.amount
    for order_id in sorted((kept.keys() | believed.keys()) - moving):
        if kept[order_id] != believed[order_id]:
            yield f"{order_id}: the bank keeps {kept[order_id]}, the shop believes {believed[order_id]}"


def the_shop_keeps_the_price_of_what_it_sold_and_no_more(books: Books) -> Iterator[str]:
    """A sold order was paid exactly once, less its refunds; what another charge took is on its way back."""
    captured, late, given = (defaultdict[str, Decimal](Decimal) for _ in range(3))
    for payment in books.payments:
        if payment.state == Payment.State.CAPTURED:
            captured[payment.order_id] += payment.amount
    for refund in books.refunds:
        if refund.state != Refund.State.REFUSED:
            (given if refund.back_to else late)[refund.order_id] += refund.amount
    for name, order in books.orders.items():
        if order.elsewhere:
            continue
        price = order.amount if order.status in SOLD else ZERO
        if captured[name] - late[name] != price:
            yield f"{name} is {order.status}: {captured[name]} captured, {late[name]} of it too late"
        if given[name] > price or (order.status == Status.REFUNDED and given[name] != price):
            yield f"{name} is {order.status}: {given[name]} of {price} refunded"
