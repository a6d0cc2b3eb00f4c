"""A peer of orders.py: one Celery task and one transaction an order, as most tutorials write it.

The same tables and rows as ours, by Django's ORM. `celery --app one_by_one worker` in this folder.
"""

import os
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")

from celery import Celery

app = Celery("one_by_one")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = "one_by_one"


@app.task(name="one_by_one.take")
def take(order: dict[str, object]) -> None:
    """Write one order with all its rows."""
    from django.db import transaction
    from django.db.models import F
    from django.utils import timezone

    from inventory.models import Level, Movement
    from orders.models import Line, Order, Transition
    from shopsite.catalogue.models import Product
    from shopsite.events.models import InboxEvent, OutboxEvent

    now, order_id = timezone.now(), str(order["order_id"])
    with transaction.atomic():
        seen, new = InboxEvent.objects.get_or_create(
            topic="one-by-one",
            partition=0,
            offset=order["offset"],
            defaults={"key": order_id, "event_id": order_id, "value": b"{}", "state": "done"},
        )
        if not new:
            return
        placed = Order.objects.create(
            order_id=order_id,
            user_id=str(order["user_id"]),
            status="paid",
            source="kafka",
            elsewhere=True,
            currency="EUR",
            amount=Decimal(str(order["amount"])),
            placed_at=now,
            paid_at=now,
            changed_at=now,
        )
        for sku, quantity, price in sorted(order["lines"]):  # type: ignore[call-overload]
            product = Product.objects.get(pk=sku)
            Line.objects.create(
                order=placed, product=product, title=product.title, quantity=quantity, price=Decimal(price)
            )
            name = f"sale:{order_id}:{sku}"
            Movement.objects.create(
                event_id=name, product=product, change=-quantity, reason="sale", actor="peer",
                order_id=order_id, at=now, created_at=now,
            )  # fmt: skip
            OutboxEvent.objects.create(topic="inventory", key=sku, event_id=name, value=b"{}")
            Level.objects.filter(pk=sku).update(on_hand=F("on_hand") - quantity)
        Transition.objects.create(order=placed, at=now, to_status="paid", actor="peer")
        OutboxEvent.objects.create(topic="orders", key=order_id, event_id=f"paid:{order_id}", value=b"{}")
        seen.done_at = now
        seen.save(update_fields=["done_at"])
