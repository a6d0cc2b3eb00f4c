"""Everything that happened to an order, in order, and what comes next. Every table -> here -> one page.

Each source is a file with one function; the list below is all that knows them. None of them needs the
order itself: a number that only a message has is found, too.
"""

from collections.abc import Callable, Iterable, Sequence

from orders.models import Order
from shopsite.way import (
    deadletters,
    inbox,
    leads,
    mails,
    moves,
    nextstep,
    outbox,
    payments,
    refunds,
    staff,
    stock,
)
from shopsite.way.entries import Ahead, Entry, Subject, Way, put_together

Source = Callable[[Subject], Iterable[Entry | Ahead]]

# Of what happened at the same moment, what stands first here is told first.
SOURCES: Sequence[Source] = (
    leads.happened,
    inbox.happened,
    moves.happened,
    payments.happened,
    refunds.happened,
    stock.happened,
    outbox.happened,
    mails.happened,
    staff.happened,
    deadletters.happened,
    nextstep.happened,
)


def whole_way(order_id: str) -> Way:
    """All that is known of a number, whether there is such an order or not: about fifteen queries."""
    subject = Subject(order_id, Order.objects.filter(pk=order_id).first())
    return put_together(subject, [list(source(subject)) for source in SOURCES])


__all__ = ["Ahead", "Entry", "Subject", "Way", "whole_way"]
