"""A shop to which anything happens in any order, by Hypothesis. tests/flows/test_order_machine.py runs it.

Every rule is a service that people or processes call; after each, all laws are asked. The bank is asked
outside every transaction, so others go on at that moment: `meanwhile` is what they do.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from decimal import Decimal
from functools import partial
from unittest.mock import patch

import httpx
import msgspec
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inventory.models import Level, Reservation
from inventory.services import adjust
from orders import news, payments
from orders.models import Line, Mail, Order, Payment, Refund
from orders.sending import send_due
from shopsite import fulfilment
from shopsite.catalogue.models import Product
from shopsite.events.inbox import Received
from shopsite.fulfilment import TEST_CARDS, ForbiddenMove, InvalidRefund, OutOfStock
from shopsite.fulfilment.refund import due_refunds
from shopsite.fulfilment.webhooks import receive_webhook
from shopsite.gateway.webhooks import signature
from shopsite.storefront.tracking import version_of
from tests.support.laws import breaches
from tests.support.messages import order_message, stock_message
from tests.support.moody_bank import ANSWERS, MoodyBank
from tests.support.servers import unique
from tests.support.shop import PRICE, buyer, cart, place, read_back

UNITS = {"A": 5, "B": 3, "LATER": 1}  # LATER may be backordered
SKUS = st.sampled_from(sorted(UNITS))
CARTS = st.dictionaries(SKUS, st.integers(1, 3), min_size=1)
# those whose bank decides at once or when it is asked: what comes by itself is another test's
CARDS = st.sampled_from(
    [
        card.number
        for card in TEST_CARDS
        if card.outcome in ("approve", "decline", "insufficient", "timeout", "confirm", "twice")
    ]
)
PICK = st.integers(0, 30)
RIGHT = "the gateway's own"  # secret
ANSWER = st.sampled_from(ANSWERS)
MEANWHILE = st.sampled_from(["", "cancel", "charge", "redeliver", "a day passes", "others buy"])
STAFF = st.sampled_from(["pack", "ship", "deliver", "refund", "cancel"])


class Orders(RuleBasedStateMachine):
    """A shop with three products and few units."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        settings.GATEWAY_ACCOUNT = unique()  # another shop to the gateway's process
        self.bank = MoodyBank()
        self.heard: set[str] = set()  # orders that open pages were told of since the last look
        self.pages: dict[str, str] = {}  # the version of each order's page at the last look
        self.patches = ExitStack()
        self.patches.enter_context(patch.object(payments, "gateway", lambda: self.bank))
        self.patches.enter_context(patch.object(news, "tell", self.heard.update))
        self.orders: list[str] = []
        self.told: list[Received] = []  # by other systems
        mail.outbox = []
        for sku, count in UNITS.items():
            Product.objects.create(sku=sku, title=sku, price=PRICE)
            adjust(product_id=sku, change=count, reason="opening", actor="test")
        Level.objects.filter(pk="LATER").update(backorders=True)

    def teardown(self) -> None:
        self.patches.close()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # --- orders come ----------------------------------------------------------------------------
    @rule(wanted=CARTS, card=CARDS)
    def shopper_orders(self, wanted: dict[str, int], card: str) -> None:
        attempt(lambda: self.orders.append(place(wanted, card=card).pk))

    @rule(wanted=CARTS, card=CARDS)
    def shopper_sends_the_form_twice(self, wanted: dict[str, int], card: str) -> None:
        order_id = f"twice{len(self.orders)}"
        form = partial(
            fulfilment.place_order, lines=cart(wanted), buyer=buyer(), card=card, order_id=order_id
        )
        if attempt(form):
            form()
            self.orders.append(order_id)

    @rule(wanted=CARTS, status=st.sampled_from([None, "placed", "paid", "delivered", "refunded"]))
    def other_system_orders(self, wanted: dict[str, int], status: str | None) -> None:
        message = order_message(
            order_id=f"other{len(self.orders)}",
            user_id="u",
            product_ids=list(wanted),
            quantities=list(wanted.values()),
            amount=5,
            status=status,
            email="eve@example.org",
        )
        fulfilment.handle_orders([message, message])
        self.orders.append(message.key)
        self.told.append(message)

    # --- messages come --------------------------------------------------------------------------
    @precondition(lambda self: self.orders)
    @rule(pick=PICK)
    def own_event_comes_back(self, pick: int) -> None:
        self.redeliver(self.picked(pick))

    @precondition(lambda self: self.told)
    @rule(count=st.integers(1, 4))
    def messages_come_again(self, count: int) -> None:
        fulfilment.handle_orders(self.told[-count:])

    @rule(sku=SKUS, change=st.sampled_from([-2, 1, 3]))
    def warehouse_tells_of_stock(self, sku: str, change: int) -> None:
        message = stock_message(product_id=sku, quantity_change=change, reason="delivery")
        fulfilment.handle_stock([message, message])
        fulfilment.handle_stock([message])

    @rule(sku=SKUS, change=st.integers(1, 3))
    def staff_add_stock(self, sku: str, change: int) -> None:
        adjust(product_id=sku, change=change, reason="delivery", actor="dock")

    # --- workers work ---------------------------------------------------------------------------
    @precondition(lambda self: self.orders)
    @rule(pick=PICK, rested=st.booleans(), answer=ANSWER, meanwhile=MEANWHILE)
    def worker_charges(self, pick: int, rested: bool, answer: str, meanwhile: str) -> None:
        if rested:
            pauses_are_over()
        order_id = self.picked(pick)
        with self.asked(answer, meanwhile, order_id):
            fulfilment.charge(order_id)

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, answer=ANSWER, meanwhile=MEANWHILE)
    def worker_gives_refunds(self, pick: int, answer: str, meanwhile: str) -> None:
        with self.asked(answer, meanwhile, self.picked(pick)):
            give_refunds_now()

    @rule()
    def sweep_finds_what_is_due(self) -> None:
        pauses_are_over()
        fulfilment.charge_due()
        fulfilment.give_due()

    @rule()
    def worker_fills_backorders(self) -> None:
        fulfilment.fill_backorders()

    @rule()
    def worker_sends_mails(self) -> None:
        send_due()
        send_due()

    @rule(days=st.booleans())
    def time_passes(self, days: bool) -> None:
        reservations_are_over(days=days)

    # --- the bank tells -------------------------------------------------------------------------
    @precondition(lambda self: self.orders)
    @rule(pick=PICK, times=st.integers(1, 2), secret=st.sampled_from([RIGHT, RIGHT, "guessed"]))
    def webhook_comes(self, pick: int, times: int, secret: str) -> None:
        """Late, early, twice, or forged: whatever it says, only the bank's own state counts."""
        payment = Payment.objects.filter(order_id=self.picked(pick)).order_by("-pk").first()
        if payment is not None:
            told = {"id": unique(), "kind": "payment.captured", "payment": payment.key}
            for _ in range(times):
                body = msgspec.json.encode(told)
                receive_webhook(body, {"Gateway-Signature": signed(body, secret)})

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, agree=st.sampled_from(["yes", "no"]))
    def shopper_answers_the_bank(self, pick: int, agree: str) -> None:
        """Also for a payment that was given up meanwhile: the bank's page is still open."""
        asked = Payment.objects.filter(order_id=self.picked(pick)).exclude(confirm_url="").first()
        if asked is not None:
            httpx.post(asked.confirm_url, data={"agree": agree}, timeout=10)

    # --- people act -----------------------------------------------------------------------------
    @precondition(lambda self: self.orders)
    @rule(pick=PICK, card=CARDS)
    def shopper_pays_again(self, pick: int, card: str) -> None:
        attempt(lambda: fulfilment.pay_again(order_id=self.picked(pick), card=card))

    @precondition(lambda self: self.orders)
    @rule(pick=PICK)
    def shopper_cancels(self, pick: int) -> None:
        attempt(lambda: fulfilment.cancel_order(order_id=self.picked(pick), actor="visitor ada"))

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, step=STAFF)
    def staff_act(self, pick: int, step: str) -> None:
        service = getattr(fulfilment, f"{step}_order")
        attempt(lambda: service(order_id=self.picked(pick), actor="eve"))

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, amount=st.sampled_from(["0.01", "5.00", "12.50", "40.00"]))
    def staff_refund_an_amount(self, pick: int, amount: str) -> None:
        attempt(
            lambda: fulfilment.refund_order(order_id=self.picked(pick), actor="eve", amount=Decimal(amount))
        )

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, count=st.integers(1, 2), is_back=st.booleans())
    def staff_refund_units(self, pick: int, count: int, is_back: bool) -> None:
        line = Line.objects.filter(order_id=self.picked(pick)).order_by("pk").last()
        assert line is not None
        units = {line.pk: count}
        attempt(
            lambda: fulfilment.refund_order(
                order_id=line.order_id, actor="eve", lines=units, restock=units if is_back else {}
            )
        )

    # --- what holds -----------------------------------------------------------------------------
    @invariant()
    def all_laws_hold(self) -> None:
        found = breaches()
        assert not found, "\n".join(found)

    @invariant()
    def no_mail_went_out_twice(self) -> None:
        sent = [message.extra_headers["Message-ID"] for message in mail.outbox]
        assert len(sent) == len(set(sent))

    @invariant()
    def an_open_page_hears_of_every_change(self) -> None:
        now = page_versions()
        changed = {order_id for order_id, seen in self.pages.items() if now[order_id] != seen}
        assert changed <= self.heard, f"{changed - self.heard} read otherwise, and nobody was told"
        self.pages = now
        self.heard.clear()

    # --- helpers --------------------------------------------------------------------------------
    def picked(self, pick: int) -> str:
        return self.orders[pick % len(self.orders)]

    def redeliver(self, order_id: str) -> None:
        order = Order.objects.get(pk=order_id)
        if order.source == Order.Source.SHOP:
            read_back(order)

    def asked(self, answer: str, meanwhile: str = "", order_id: str = "") -> AbstractContextManager[None]:
        others: dict[str, Callable[[], object]] = {
            "cancel": lambda: attempt(lambda: fulfilment.cancel_order(order_id=order_id, actor="eve")),
            "charge": lambda: charge_now(order_id),
            "redeliver": lambda: self.redeliver(order_id),
            "a day passes": lambda: reservations_are_over(days=True),
            "others buy": lambda: attempt(lambda: self.orders.append(place({"A": 3}).pk)),
        }
        return self.bank.mood(answer, others.get(meanwhile))


def page_versions() -> dict[str, str]:
    """The version of every order's page."""
    states: dict[str, list[str]] = defaultdict(list)
    for order_id, state in Mail.objects.order_by("pk").values_list("order_id", "state"):
        states[order_id].append(state)
    return {order.pk: version_of(order, states[order.pk]) for order in Order.objects.all()}


def attempt(act: Callable[[], object]) -> bool:
    """Do it, or nothing where the shop says why it may not be."""
    try:
        with transaction.atomic():
            act()
    except (ForbiddenMove, InvalidRefund, OutOfStock):
        return False
    return True


def pauses_are_over() -> None:
    """Whatever waits for its next try, or for the lease of a worker that died, is due."""
    now = timezone.now()
    for rows in (Payment.objects, Refund.objects, Mail.objects):
        rows.filter(state__in=("due", "action", "dropping")).update(next_try_at=now)


def charge_now(order_id: str) -> None:
    """Another worker charges the order, whatever lease or pause there is."""
    pauses_are_over()
    fulfilment.charge(order_id)


def give_refunds_now() -> None:
    """A worker gives the refunds one by one, whatever lease or pause there is."""
    pauses_are_over()
    for refund_id in due_refunds(100):
        fulfilment.give_refund(refund_id)


def webhook_of(payment: str) -> bytes:
    """A new one that says that a payment was captured."""
    return msgspec.json.encode({"id": unique(), "kind": "payment.captured", "payment": payment})


def signed(body: bytes, secret: str = RIGHT, *, ago: float = 0.0) -> str:
    """The signature of a webhook, as the gateway makes it, or as somebody does who guesses the secret."""
    known = settings.WEBHOOK_SECRET if secret == RIGHT else secret
    return signature(known, body, int(time.time() - ago))


def reservations_are_over(*, days: bool) -> None:
    """Units were kept long enough; days: and the bank has been silent for more than one."""
    past = timezone.now() - timedelta(seconds=1)
    Reservation.objects.update(expires_at=past)
    if days:
        Payment.objects.update(created_at=past - timedelta(days=2))
    fulfilment.expire_reservations()
