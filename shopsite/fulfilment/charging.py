"""Charge what is due, many at a time. tasks -> here -> leases, asking.py in threads -> answers.

    lease (one UPDATE for many) -> ask, side by side -> write what has been answered, together -> lease more

One run a process: whoever comes meanwhile leaves word that there is more. A slow card keeps one thread
waiting, and neither the lease nor the writing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shopsite.fulfilment.answers import write_answers
from shopsite.fulfilment.asking import ask, inquiries
from shopsite.fulfilment.leases import lease, leasing_along
from shopsite.fulfilment.wake import doing

_runs = threading.Lock()


def charge(order_id: str) -> None:
    """Charge what is due for one order, here and now; safe to call any number of times."""
    for question in lease(1, order_id=order_id):
        write_answers([ask(question)])


def charge_due() -> int:
    """Charge whatever is due; returns how many answers came. At once where another thread does it already."""
    inquiries.say_more()
    return _charge()


@contextmanager
def charging_along() -> Iterator[None]:
    """Charge what this thread makes due meanwhile: asked for when that has committed, written at the end.

    A lease of its own would be a third transaction of each order, and the customer's wait for it.
    """
    more: list[str] = []
    try:
        with leasing_along(), doing("charge_due") as more:
            yield
    finally:
        if more:
            inquiries.say_more()
        _charge()


def _charge() -> int:
    answered = 0
    while inquiries.is_busy and _runs.acquire(blocking=False):
        try:
            answered += _run()
        finally:
            _runs.release()
    return answered


def _run() -> int:
    """Lease, ask and write until nothing is due and nobody is waited for."""
    answered, is_more = 0, False
    while is_more or inquiries.is_busy:
        answers, more = inquiries.take() if inquiries.is_busy else ([], False)
        answered, is_more = answered + len(answers), is_more or more
        if is_more and (
            room := inquiries.room
        ):  # before the answers are written: the gateway works meanwhile
            questions = lease(room)
            is_more = len(questions) == room
            inquiries.ask(questions)
        write_answers(answers)
    return answered
