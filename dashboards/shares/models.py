"""Who may watch without an account. links.py writes; the link itself is nowhere, only its digest."""

from datetime import datetime

from django.conf import settings
from django.db import models


class ShareLink(models.Model):
    """One link to the live page, for whoever has it."""

    name = models.CharField(max_length=100, help_text="who gets it, or what for")
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256 of the token, hexadecimal
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)  # to the minute
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    def works(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at is None and now < self.expires_at
