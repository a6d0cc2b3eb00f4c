"""What Celery's workers do: doors, each to one service. Redis -> here -> pipeline, fulfilment.

A task carries ids only, and none is the only way to its work: that stands in the database, where the
sweep finds whatever Redis lost.
"""

from celery import shared_task

from shopsite import pipeline
from shopsite.events import trim
from shopsite.fulfilment.wake import wake


@shared_task(name="shopsite.tasks.drain")
def drain(topic: str, partition: int) -> int:
    """Process what waits in the inbox of one partition; how many rows."""
    settled = pipeline.drain(topic, partition)
    if settled and (topic, partition) in pipeline.partitions_to_drain():
        wake("drain", topic, partition)  # its turn was over before its work was
    return settled


@shared_task(name="shopsite.tasks.sweep")
def sweep() -> int:
    """Wake every partition that has rows to process now; how many."""
    partitions = pipeline.partitions_to_drain()
    for topic, partition in partitions:
        wake("drain", topic, partition)
    return len(partitions)


@shared_task(name="shopsite.tasks.trim_events")
def trim_events() -> int:
    """Delete what the outbox and the inbox no longer need; how many rows."""
    return trim.trim_outbox() + trim.trim_inbox()
