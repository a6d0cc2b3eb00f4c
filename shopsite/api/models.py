"""Who may use the API. Written by keys.py; the key itself is nowhere, only its digest."""

from django.db import models


class ApiKey(models.Model):
    """One key of one program, to read with."""

    name = models.CharField(max_length=100, unique=True)
    public_id = models.CharField(max_length=16, unique=True)  # the key's middle part: finds the row
    digest = models.CharField(max_length=64, editable=False)  # SHA-256 of the whole key, hexadecimal
    scopes = models.JSONField(default=list, blank=True)  # what it may read; empty: everything
    rate = models.PositiveIntegerField(
        "requests a second", null=True, blank=True, help_text="empty: the setting API_REQUESTS_PER_SECOND"
    )
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
