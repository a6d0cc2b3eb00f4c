"""The history of the aggregates. history.py and totals.py write, ranges.py and selectors.py read.

A bucket that leaves Redis lives on here, as absolute values; docs/decisions say how the two are joined.
"""

from typing import ClassVar

from django.db import models


class Rollup(models.Model):
    """What the offsets [first, next) of one partition add to the buckets of one fold.

    grain m holds the minutes of an hour, h the hours of a day, d the day itself.
    """

    tp = models.CharField(max_length=80)  # partition, as keys.partition_name
    grain = models.CharField(max_length=1)
    start = models.BigIntegerField()  # epoch seconds of the hour (grain m) or of the UTC day
    fold = models.CharField(max_length=60)
    first = models.BigIntegerField()  # rows of one bucket never overlap: so they may be summed
    next = models.BigIntegerField()
    since = models.BigIntegerField()  # when Redis first had them, epoch seconds: retention counts from here
    at = models.BigIntegerField()  # when they were read, epoch seconds by Redis's clock
    parts = models.BigIntegerField()  # bit n: the n-th minute, hour or day has figures
    data = models.BinaryField()  # rollups.pack

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["grain", "fold", "start", "tp", "first"], name="one_rollup_from_an_offset"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["grain", "start", "tp"], name="rollup_of_a_unit"),
            models.Index(fields=["grain", "since"], name="rollup_by_age"),
        ]


HEAD = ""  # the fold of the total that says up to which offsets those of its days count


class Total(models.Model):
    """The rows of all partitions of one fold added up, so that a year is read from few rows.

    Derived: whoever writes a Rollup deletes the totals that hold it, in the same transaction.
    """

    grain = models.CharField(max_length=1)  # h: the hours of a day; d: the day; periods.py: longer ones
    start = models.BigIntegerField()
    fold = models.CharField(max_length=60)
    reached = models.JSONField()  # of a head: partition -> the offset up to which it is counted; else {}
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["grain", "fold", "start"], name="one_total_of_a_bucket")
        ]


class Turn(models.Model):
    """One row: whoever changes the history locks it first, so that totals are never made of half a change."""

    number = models.BigIntegerField(default=0)
