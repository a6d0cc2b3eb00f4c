"""What the database keeps of the events' way: the outbox, the inbox, offsets and dead letters.

publish -> OutboxEvent -> relay -> Kafka -> consume -> InboxEvent + StoredOffset -> drain.
"""

from django.db import models
from django.db.models import Q


class OutboxEvent(models.Model):
    """An event that its transaction decided to tell; the relay sends it."""

    seq = models.BigIntegerField(null=True)  # the relay's number: the order of sending
    topic = models.CharField(max_length=64)  # the logical name
    key = models.CharField(max_length=200)
    event_id = models.CharField(max_length=128)
    value = models.BinaryField(null=True)  # null for a tombstone that goes to a dead-letter topic
    headers = models.JSONField(default=dict)  # name -> text, beside those that the relay sets
    own = models.BooleanField(default=True)  # False: on behalf of others, so it carries no `seq`
    attempts = models.PositiveSmallIntegerField(default=0)  # refusals by Kafka; tried again alone
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    partition = models.IntegerField(null=True)
    offset = models.BigIntegerField(null=True)
    refused_at = models.DateTimeField(null=True)  # Kafka will never take it
    error = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [  # partial, so that a row enters it with its number and not before
            models.UniqueConstraint("seq", name="outbox_seq_once", condition=Q(seq__isnull=False))
        ]
        indexes = [
            # partial, so that looking for work costs the same however long the history is
            models.Index("id", name="outbox_unnumbered", condition=Q(seq__isnull=True)),
            models.Index(
                "seq",
                name="outbox_unpublished",
                condition=Q(seq__isnull=False, published_at__isnull=True, refused_at__isnull=True),
            ),
            models.Index("published_at", name="outbox_published", condition=Q(published_at__isnull=False)),
            models.Index("key", name="outbox_of_order", condition=Q(topic="orders")),  # an order's whole way
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key} {self.event_id}"


class OutboxCounter(models.Model):
    """The last number that the relay gave: one row, never counted from the outbox, which is trimmed."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class InboxState(models.TextChoices):
    """How far an inbox row is."""

    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"  # failed alone five times: now a dead letter


class InboxEvent(models.Model):
    """A message that was read from Kafka, to be processed in the order of its offset."""

    topic = models.CharField(max_length=64)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.CharField(max_length=200)  # the id in the message: later rows of a key wait for earlier ones
    event_id = models.CharField(max_length=128)
    value = models.BinaryField()
    received_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=8, choices=InboxState, default=InboxState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)  # failures alone
    error = models.TextField(default="", blank=True)  # of the last failure
    due_at = models.DateTimeField(null=True)  # not to be tried again before
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint("topic", "partition", "offset", name="inbox_position")]
        indexes = [
            models.Index(
                "topic", "partition", "offset", name="inbox_waiting", condition=Q(state=InboxState.WAITING)
            ),
            models.Index("done_at", name="inbox_done", condition=Q(state=InboxState.DONE)),
            models.Index("key", name="inbox_of_order", condition=Q(topic="orders")),
        ]

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class StoredOffset(models.Model):
    """The next offset to read: it moves in the transaction that keeps what was read."""

    group = models.CharField(max_length=64)
    topic = models.CharField(max_length=64)
    partition = models.IntegerField()
    next_offset = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint("group", "topic", "partition", name="stored_offset_position"),
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.topic}:{self.partition} {self.next_offset}"


class DeadLetter(models.Model):
    """A message that could not be processed, unique by where it came from."""

    topic = models.CharField(max_length=64)  # these three: where the bad message stands
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    reason = models.TextField()
    key = models.TextField(default="", blank=True)
    value = models.BinaryField(null=True)  # null: a message without a value
    headers = models.JSONField(default=dict)
    seen_at = models.DateTimeField(auto_now_add=True)
    resent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint("topic", "partition", "offset", name="dead_letter_origin")]

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"
