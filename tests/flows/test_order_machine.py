"""Whatever happens to orders, in whatever order: nothing oversold, money and stock add up, once each.

Place, redeliver, charge, lose the answer, pay again, cancel, pack, refund, expire, restock; by Hypothesis,
against the real database.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventory.models import Level, Movement, Reservation
from inventory.services import adjust
from orders.models import Mail, Order, Payment, SimulatedCharge, Transition
from orders.states import TABLE
from shopsite.catalogue.models import Product
from shopsite.fulfilment import (
    TEST_CARDS,
    ForbiddenMove,
    InvalidRefund,
    OutOfStock,
    cancel_order,
    charge,
    expire_reservations,
    give_due,
    handle_orders,
    pack_order,
    pay_again,
    refund_order,
    ship_order,
)
from tests.support.messages import order_message
from tests.support.shop import PRICE, place, read_back, stock_is_sound

SKUS = ("A", "B")
CARDS = st.sampled_from([card.number for card in TEST_CARDS])
CARTS = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1)
PICK = st.integers(0, 10**6)


class Orders(RuleBasedStateMachine):
    """A shop with two products and few units."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.orders: list[str] = []
        for sku in SKUS:
            Product.objects.create(sku=sku, title=sku, price=PRICE)
            adjust(product_id=sku, change=5, reason="opening", actor="test")

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def picked(self, pick: int) -> str:
        return self.orders[pick % len(self.orders)]

    @rule(cart=CARTS, card=CARDS)
    def shopper_orders(self, cart: dict[str, int], card: str) -> None:
        try:
            with transaction.atomic():
                self.orders.append(place(cart, card=card).pk)
        except OutOfStock:
            return

    @rule(cart=CARTS, status=st.sampled_from([None, "paid", "refunded"]))
    def other_system_orders(self, cart: dict[str, int], status: str | None) -> None:
        order_id = f"other-{len(self.orders)}"
        quantities = list(cart.values())
        message = order_message(
            order_id=order_id,
            user_id="u",
            product_ids=list(cart),
            quantities=quantities,
            amount=5,
            status=status,
        )
        handle_orders([message, message])
        self.orders.append(order_id)

    @precondition(lambda self: self.orders)
    @rule(pick=PICK)
    def event_comes_back(self, pick: int) -> None:
        order = Order.objects.get(pk=self.picked(pick))
        if order.source == "shop":
            read_back(order)

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, rested=st.booleans())
    def worker_charges(self, pick: int, rested: bool) -> None:
        if rested:
            Payment.objects.filter(state="due").update(next_try_at=timezone.now())
        charge(self.picked(pick))

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, card=CARDS)
    def shopper_pays_again(self, pick: int, card: str) -> None:
        try:
            pay_again(order_id=self.picked(pick), card=card)
        except (ForbiddenMove, OutOfStock):
            return

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, step=st.sampled_from([cancel_order, pack_order, ship_order, refund_order]))
    def staff_act(self, pick: int, step: object) -> None:
        try:
            step(order_id=self.picked(pick), actor="eve")  # type: ignore[operator]
        except (ForbiddenMove, InvalidRefund):
            return

    @precondition(lambda self: self.orders)
    @rule(pick=PICK)
    def staff_refund_a_part(self, pick: int) -> None:
        try:
            refund_order(order_id=self.picked(pick), actor="eve", amount=Decimal("1.00"))
        except (ForbiddenMove, InvalidRefund):
            return

    @rule()
    def worker_gives_refunds(self) -> None:
        give_due()

    @rule(days=st.booleans())
    def time_passes(self, days: bool) -> None:
        past = timezone.now() - timedelta(seconds=1)
        Reservation.objects.update(expires_at=past)
        if days:
            Payment.objects.update(created_at=past - timedelta(days=2))
        expire_reservations()

    @rule(sku=st.sampled_from(SKUS), change=st.integers(1, 3))
    def stock_comes(self, sku: str, change: int) -> None:
        adjust(product_id=sku, change=change, reason="delivery", actor="dock")

    @invariant()
    def levels_are_what_their_rows_add_up_to(self) -> None:
        assert stock_is_sound()

    @invariant()
    def nothing_is_promised_that_is_not_there(self) -> None:
        elsewhere = set(Order.objects.filter(elsewhere=True).values_list("pk", flat=True))
        for level in Level.objects.all():
            rows = Movement.objects.filter(product_id=level.pk, order_id__in=elsewhere)
            sold_by_others = -sum(rows.values_list("change", flat=True))
            assert level.on_hand + max(0, sold_by_others) >= level.reserved

    @invariant()
    def an_order_holds_units_exactly_while_it_is_placed(self) -> None:
        held = set(Reservation.objects.filter(state="open").values_list("order_id", flat=True))
        assert held == set(Order.objects.filter(status="placed").values_list("pk", flat=True))

    @invariant()
    def money_kept_is_what_orders_say(self) -> None:
        for order in Order.objects.filter(elsewhere=False):
            keys = list(order.payments.values_list("key", flat=True))
            captured = refunded = Decimal(0)
            for charged in SimulatedCharge.objects.filter(key__in=keys, captured=True):
                captured += charged.amount
                refunded += sum((Decimal(part) for part in charged.refunds.values()), Decimal(0))
            settled = order.payments.filter(state="captured").count()
            assert captured <= order.amount  # charged at most once
            assert order.refunded == refunded
            if order.status in ("paid", "packed", "shipped"):
                assert (settled, captured) == (1, order.amount)

    @invariant()
    def every_move_is_in_the_table_and_follows_the_one_before(self) -> None:
        for order in Order.objects.all():
            before = ""
            for row in Transition.objects.filter(order=order).order_by("pk"):
                assert row.from_status == before
                assert row.to_status in TABLE[before]
                before = row.to_status
            assert before == order.status

    @invariant()
    def a_paid_order_was_confirmed_once(self) -> None:
        confirmed = sorted(Mail.objects.filter(kind="confirmation").values_list("order_id", flat=True))
        paid = Transition.objects.filter(to_status="paid", from_status__in=["placed", "payment_failed"])
        assert confirmed == sorted(paid.values_list("order_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_orders_money_and_stock_add_up_whatever_happens() -> None:
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
