"""Which recordings were sent, and from where in the log on. replay.py, history.py <-> here.

Clicks have no ledger that knows them again, so a second sending would count twice: this table refuses
it, and tells an interrupted one where in the log to look for what it had sent.
"""

from django.db import models


class Sending(models.Model):
    """One recording on its way into the log, or there."""

    digest = models.CharField(max_length=64, primary_key=True)  # sha256 of its plain bytes
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=32)
    run = models.PositiveIntegerField(default=1)  # 2 and more: sent once again on demand
    starts = models.JSONField()  # "clicks-0" -> the log's end when this run began
    shift_ms = models.BigIntegerField(default=0)  # added to recorded times; kept so that a rest fits
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)  # null: under way, or interrupted

    class Meta:
        ordering = ["-begun_at"]

    def __str__(self) -> str:
        return f"{self.name}, run {self.run}"
