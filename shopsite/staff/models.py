"""What staff did, for ever. Admin pages -> services.record -> StaffAction -> its list, an order's way.

Django's own LogEntry goes with its user, knows no failed login and no reason, and is not looked up by
what was acted on: docs/decisions/019.
"""

from typing import Any, Never

from django.db import models


class AppendOnly(Exception):
    """A row of the audit log is never changed or deleted: write another one."""


class ActionRows(models.QuerySet["StaffAction"]):
    """Rows that can be added and read."""

    def update(self, **_changes: Any) -> Never:
        """Refused."""
        raise AppendOnly("The audit log only grows.")

    def delete(self) -> Never:
        """Refused."""
        raise AppendOnly("The audit log only grows.")


class StaffAction(models.Model):
    """Somebody of the staff did, or tried to do, something."""

    at = models.DateTimeField()
    actor = models.CharField("who", max_length=150)  # the name as it was: it outlives the account
    action = models.CharField(max_length=24)  # pack, refund, export, login ...: services.ACTIONS
    kind = models.CharField("of what", max_length=40, blank=True)  # order, product, dead letter, user ...
    object_id = models.CharField("which", max_length=200, blank=True)
    what = models.CharField("what happened", max_length=500, blank=True)
    why = models.CharField(max_length=300, blank=True)  # as the person gave it
    done = models.BooleanField(default=True)  # no: it was refused, and nothing changed

    objects = ActionRows.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["kind", "object_id"], name="staff_action_of"),
            models.Index(fields=["actor", "-id"], name="staff_action_by"),
            models.Index(fields=["action", "-id"], name="staff_action_named"),
        ]
        permissions = [
            ("export_orders", "Can export orders"),
            ("export_stock", "Can export products with their stock"),
            ("export_ledger", "Can export the stock ledger"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.kind} {self.object_id}".strip()

    def save(self, *args: Any, **options: Any) -> None:
        """Write a new row. Raises AppendOnly for one that is there."""
        if not self._state.adding:
            raise AppendOnly("The audit log only grows.")
        super().save(*args, **options)

    def delete(self, *_args: Any, **_options: Any) -> Never:
        """Refused."""
        raise AppendOnly("The audit log only grows.")
