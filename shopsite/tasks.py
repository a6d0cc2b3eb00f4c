"""What Celery's workers do: doors, each to one service. Redis -> here -> pipeline, fulfilment.

A task carries ids only, and none is the only way to its work: that stands in the database, where the
sweep finds whatever Redis lost.
"""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from dashboards.alerts import evaluate
from dashboards.alerts import mails as alert_mails
from dashboards.answers import kept
from dashboards.board import register_board
from dashboards.past.history import write_history as write_settled
from dashboards.past.totals import make_totals
from orders import sending
from shopsite import boards, fulfilment, pipeline
from shopsite.events import trim
from shopsite.events.redis import redis_client
from shopsite.fulfilment.wake import awake, wake
from shopsite.storefront import carts, waiting

register_board(boards)  # rules on figures look at stock, too


@shared_task(name="shopsite.tasks.drain")
def drain(topic: str, partition: int) -> int:
    """Process what waits in the inbox of one partition, and charge what fell due by that; how many rows.

    Charged by the same task: another would cost as much as a few orders, and their customers the wait for it.
    """
    with fulfilment.charging_along():
        return _drain(topic, partition)


def _drain(topic: str, partition: int) -> int:
    try:
        drained = pipeline.drain(topic, partition)
    except BaseException:
        awake("drain", topic, partition)
        raise
    if drained is None:
        return 0  # whoever drains it ends as follows
    # While a drain ran, nobody called another. So it looks once more after it has said that it ends; its
    # turn may be over before its work is, too.
    for held in drained.partitions:
        awake("drain", topic, held)
    for due in pipeline.still_to_drain(topic, drained.partitions):
        wake("drain", topic, due)
    return drained.settled


@shared_task(name="shopsite.tasks.sweep")
def sweep() -> int:
    """Wake every partition that has rows to process now; how many."""
    partitions = pipeline.partitions_to_drain()
    for topic, partition in partitions:
        wake("drain", topic, partition)
    return len(partitions)


@shared_task(name="shopsite.tasks.trim_events")
def trim_events() -> int:
    """Delete what the outbox, the inbox and webhooks of nobody's payment no longer need; how many rows."""
    return trim.trim_outbox() + trim.trim_inbox() + fulfilment.trim_webhooks()


@shared_task(name="shopsite.tasks.charge_due")
def charge_due() -> int:
    """Charge, look after and void what is due; how many."""
    awake("charge_due")
    return fulfilment.charge_due()


@shared_task(name="shopsite.tasks.give_due")
def give_due() -> int:
    """Give the refunds that are due; how many."""
    awake("give_due")
    return fulfilment.give_due()


@shared_task(name="shopsite.tasks.reconcile_payments")
def reconcile_payments() -> int:
    """Compare the payments of two days with the gateway's; how many differences, each in the log."""
    return len(fulfilment.reconcile_payments(since=timezone.now() - timedelta(days=2)).differences)


@shared_task(name="shopsite.tasks.send_due_mails")
def send_due_mails() -> int:
    """Send the mails that are due; how many were tried."""
    awake("send_due_mails")
    tried = sending.send_due()
    if tried == sending.AT_ONCE:
        wake("send_due_mails")
    return tried


@shared_task(name="shopsite.tasks.expire_reservations")
def expire_reservations() -> int:
    """End what was reserved too long; how many orders."""
    return fulfilment.expire_reservations()


@shared_task(name="shopsite.tasks.fill_backorders")
def fill_backorders() -> int:
    """Reserve and charge orders that waited for stock; how many."""
    return fulfilment.fill_backorders()


@shared_task(name="shopsite.tasks.tell_waiting")
def tell_waiting() -> int:
    """Mail to those who wait for a product that is back; how many."""
    return waiting.tell_due()


@shared_task(name="shopsite.tasks.refresh_answers")
def refresh_answers() -> bool:
    """Make anew what the page of answers and the shop read, such as trending; whether it was due."""
    return kept.refresh_due(timezone.now())


@shared_task(name="shopsite.tasks.watch_figures")
def watch_figures() -> int:
    """Hold the figures against the rules; how many alerts began or ended."""
    return evaluate.evaluate(timezone.now())


@shared_task(name="shopsite.tasks.send_alert_mails")
def send_alert_mails() -> int:
    """Mail the alerts that are due; how many."""
    return alert_mails.send_due(timezone.now())


@shared_task(name="shopsite.tasks.forget_carts")
def forget_carts() -> int:
    """Delete carts that nobody will come back to; how many lines."""
    return carts.forget_old()


@shared_task(name="shopsite.tasks.write_history")
def write_history() -> int:
    """Write settled aggregates to the database, move old ones there; how many units."""
    done = write_settled(redis_client())
    if done.finished:
        make_totals(redis_client())
    return done.units + done.moved
