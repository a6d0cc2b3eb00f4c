"""Stock as it is kept: a level for each product, the ledger it is the sum of, and what is reserved.

Written by services.py only, which keeps on_hand = sum of the ledger, reserved = sum of open reservations.
"""

from typing import Any, NoReturn

from django.db import models


class Level(models.Model):
    """How much of a product there is. `available` is on_hand - reserved."""

    product = models.OneToOneField(
        "catalogue.Product", primary_key=True, on_delete=models.PROTECT, related_name="level"
    )
    on_hand = models.BigIntegerField(default=0)  # below zero where others told us of more than we had
    reserved = models.BigIntegerField(default=0)
    tracked = models.BooleanField(
        default=False, help_text="no until somebody told us a stock: till then any number may be ordered"
    )
    low_at = models.PositiveIntegerField(
        "almost gone at", default=5, help_text="shown as almost gone at or below this number"
    )
    backorders = models.BooleanField(
        default=False, help_text="orders of other systems may wait for stock instead of being rejected"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="reserved_not_negative")
        ]
        permissions = [("adjust_stock", "Can add and take stock, with a reason")]

    def __str__(self) -> str:
        return self.product_id


class AppendOnly(Exception):
    """The ledger is never changed: write a row that corrects it."""


class _AppendOnlyRows(models.QuerySet["Movement"]):
    """Rows that can be added and read. PostgreSQL refuses the rest itself: migration 0003."""

    def update(self, **_values: object) -> NoReturn:
        """Refused."""
        raise AppendOnly("A row of the ledger is never changed: post one that corrects it.")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnly("A row of the ledger is never deleted: post one that corrects it.")


class Movement(models.Model):
    """One row of the ledger: append only, unique by event."""

    event_id = models.CharField(max_length=128)
    # no constraint in the database: decision 020
    product = models.ForeignKey(
        "catalogue.Product",
        on_delete=models.PROTECT,
        related_name="movements",
        db_index=False,
        db_constraint=False,
    )
    change = models.BigIntegerField()
    reason = models.CharField(max_length=64)  # sale, return, opening, delivery, correction ...
    actor = models.CharField(max_length=150)
    order_id = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField()  # when it happened
    created_at = models.DateTimeField()  # when we wrote it
    origin = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  null: it is our own

    objects = _AppendOnlyRows.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id"], name="ledger_event_once")]
        indexes = [
            models.Index(fields=["product", "at"], name="ledger_of_product"),
            models.Index(fields=["order_id"], name="ledger_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.change:+d} {self.product_id}"

    def save(self, **options: Any) -> None:
        """Add the row; one that is there already is refused."""
        if not self._state.adding:
            raise AppendOnly("A row of the ledger is never changed: post one that corrects it.")
        super().save(**{**options, "force_insert": True})

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:  # noqa: ANN401, ARG002
        """Refused."""
        raise AppendOnly("A row of the ledger is never deleted: post one that corrects it.")


class Reservation(models.Model):
    """Units kept for an order that is not paid yet."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Sold"
        RELEASED = "released", "Given back"

    order_id = models.CharField(max_length=128)
    # no constraint in the database: decision 020
    product = models.ForeignKey(
        "catalogue.Product", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    quantity = models.PositiveBigIntegerField()
    state = models.CharField(max_length=8, choices=State)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_id", "product"], name="one_reservation_a_product")
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="open_reservations", condition=models.Q(state="open")),
            models.Index(fields=["product"], name="reservation_of_product"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.product_id} for {self.order_id}"
