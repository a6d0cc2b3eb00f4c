"""What a visitor gathers before there is an order. carts.py and waiting.py -> here."""

from django.db import models


class CartLine(models.Model):
    """So many of a product in a visitor's cart: as wished, whatever the stock says meanwhile."""

    visitor = models.CharField(max_length=32)  # the browser's id, so that a cart survives log in
    # null: it was deleted, which the visitor is told by the title that it had
    product = models.ForeignKey("catalogue.Product", null=True, on_delete=models.SET_NULL, related_name="+")
    title = models.CharField(max_length=300, blank=True, default="", db_default="")
    quantity = models.PositiveIntegerField()
    # as last told to the visitor; null: put in before prices were kept
    price = models.DecimalField(max_digits=15, decimal_places=6, null=True)
    added_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)  # old carts are forgotten by it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visitor", "product"], name="one_line_a_product")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_id or self.title}"


class Waiting(models.Model):
    """Somebody who wants one mail when a product is back."""

    product = models.ForeignKey("catalogue.Product", on_delete=models.CASCADE, related_name="+")
    email = models.EmailField()
    asked_at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(null=True, blank=True)  # set before the mail goes, so it goes once

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "email"], condition=models.Q(told_at=None), name="one_wait_a_product"
            )
        ]
        indexes = [models.Index(fields=["product"], name="still_waiting", condition=models.Q(told_at=None))]
        verbose_name_plural = "waiting"

    def __str__(self) -> str:
        return f"{self.email} for {self.product_id}"
