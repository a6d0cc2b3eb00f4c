"""The people behind the shop: they pack, ship, deliver, restock, give money back. simulate.py -> here.

They touch only orders of this shop, so a recording that was replayed stays as it was recorded.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random

from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from inventory.models import Level
from inventory.services import adjust
from orders.models import Order
from orders.states import Status
from shopsite.fulfilment import (
    ForbiddenMove,
    InvalidRefund,
    deliver_order,
    pack_order,
    refund_order,
    ship_order,
)
from shopsite.traffic.shoppers.world import World
from shopsite.traffic.stage import Actor

log = logging.getLogger(__name__)
ACTOR = "simulated staff"
ROUND_SECONDS = 3.0
A_ROUND = 5  # orders of a state that one round takes: a rush leaves a queue that is seen
RESTOCKS = 0.04  # of the rounds: so that a product stays sold out for a minute or so
RETURNED = 0.03  # of what was delivered
DELIVERY = (30, 90)  # units that a restocked product gets
STEPS: tuple[tuple[Status, timedelta, Callable[..., Order]], ...] = (
    (Status.PAID, timedelta(seconds=30), pack_order),
    (Status.PACKED, timedelta(seconds=60), ship_order),
    (Status.SHIPPED, timedelta(seconds=180), deliver_order),
)


def staff(world: World, figures: Counter[str]) -> Actor:
    """One round after the other, for ever."""
    random = Random(f"{world.seed}/staff")
    while True:
        yield ROUND_SECONDS * random.uniform(0.6, 1.4)
        try:
            yield partial(_round, random, [goods.sku for goods in world.goods], figures)
        except DatabaseError as error:
            log.warning("staff wait for the database: %s", error)


def _round(random: Random, skus: list[str], figures: Counter[str]) -> None:
    """Move some orders on, and sometimes fill a shelf."""
    for status, rests, step in STEPS:
        for order_id in _resting(status, rests):
            try:
                step(order_id=order_id, actor=ACTOR)
                figures[step.__name__] += 1
                if status == Status.SHIPPED and random.random() < RETURNED:
                    refund_order(order_id=order_id, actor=ACTOR, why="returned")
                    figures["returns"] += 1
            except (ForbiddenMove, InvalidRefund) as error:
                log.info("staff leave an order alone: %s", error)
    if random.random() < RESTOCKS:
        _restock(random, skus, figures)


def _resting(status: Status, rests: timedelta) -> list[str]:
    """Orders that were long enough in a state, longest first."""
    rows = Order.objects.filter(
        source=Order.Source.SHOP, status=status, changed_at__lt=timezone.now() - rests
    )
    return list(rows.order_by("changed_at").values_list("order_id", flat=True)[:A_ROUND])


def _restock(random: Random, skus: list[str], figures: Counter[str]) -> None:
    """Fill up what is almost gone."""
    low = Level.objects.filter(product_id__in=skus, tracked=True, on_hand__lte=F("reserved") + F("low_at"))
    for sku in low.order_by("product_id").values_list("product_id", flat=True):
        adjust(product_id=sku, change=random.randint(*DELIVERY), reason="delivery", actor=ACTOR)
        figures["restocked"] += 1
