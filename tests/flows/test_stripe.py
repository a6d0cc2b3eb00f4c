"""A shop that is paid through Stripe: its page, its webhooks, its answers and its silence."""

import html
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from inventory.models import Reservation
from orders import payments
from orders.models import Order, PaymentWebhook, Refund
from orders.payments.gateway import Known
from orders.payments.stripe_checkout import StripeCheckout, Unchargeable, from_minor, to_minor
from shopsite.config import ConfigError, check_stripe
from shopsite.fulfilment import (
    CartLine,
    cancel_order,
    charge,
    expire_reservations,
    give_refund,
    handle_orders,
    pay_again,
    place_order,
    reconcile_payments,
    refund_order,
)
from shopsite.gateway.webhooks import signature
from shopsite.storefront import cards
from shopsite.storefront.forms import CardForm
from tests.support.messages import order_message
from tests.support.shop import buyer, level, place, product, read_back, stock_is_sound
from tests.support.stripe_side import Problem, StripeSide, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def side(settings: LazySettings) -> Iterator[StripeSide]:
    """Stripe's side; the shop is paid there."""
    far = StripeSide()
    with serving(far) as address:
        settings.PAYMENT_GATEWAY, settings.STRIPE_URL = "stripe", address
        settings.GATEWAY_KEY, settings.WEBHOOK_SECRET = far.KEY, far.SECRET
        settings.GATEWAY_TIMEOUT_SECONDS = 5
        yield far


@pytest.fixture
def order(side: StripeSide) -> Order:
    """Two mugs at 12.50, whose shopper has Stripe's page before them."""
    product("MUG", 5)
    made = place({"MUG": 2}, card="")
    read_back(made)
    charge(made.pk)
    return made


def again(order: Order) -> Order:
    """The pause of an order's payment is over."""
    order.payments.exclude(next_try_at=None).update(next_try_at=timezone.now())
    charge(order.pk)
    order.refresh_from_db()
    return order


def post(body: bytes, headers: dict[str, str]) -> int:
    answer = Client(enforce_csrf_checks=True).post(
        "/payments/webhook", body, content_type="application/json", headers=headers
    )
    return answer.status_code


def test_money_is_taken_only_when_the_shopper_has_paid_on_the_page(side: StripeSide, order: Order) -> None:
    payment = order.payments.get()
    assert (payment.state, payment.confirm_url) == ("action", side.session_of(order.pk)["url"])
    assert len(payment.confirm_url) > 500  # whole: a shortened one leads nowhere
    assert side.session_of(order.pk)["amount_total"] == 2500
    side.shopper_pays(order.pk)
    assert side.money(order.pk) == (0, 0)
    assert post(*side.webhook("checkout.session.completed", order.pk)) == 200
    again(order)
    assert (order.status, side.money(order.pk)) == ("paid", (2500, 0))
    assert (level("MUG"), stock_is_sound()) == ((3, 0), True)


def test_a_webhook_has_stripe_asked_and_is_not_believed(side: StripeSide, order: Order) -> None:
    assert post(*side.webhook("checkout.session.completed", order.pk)) == 200  # nobody has paid
    assert order.payments.get().next_try_at <= timezone.now()  # type: ignore[operator]  # it is set
    again(order)
    assert (order.status, order.payments.get().state) == ("placed", "action")
    assert post(*side.webhook("checkout.session.completed", order.pk, secret="whsec_guessed")) == 400
    verdicts = PaymentWebhook.objects.order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["accepted", "signature"]


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b'{"id": "evt_1", "type": "payout.paid", "data": {"object": {"id": "po_1"}}}', "unknown"),
        (b'{"id": "evt_1", "type": "payout.paid"}', "unreadable"),
        (b"[]", "unreadable"),
    ],
)
def test_an_event_of_something_else_is_kept_and_moves_nothing(
    side: StripeSide, order: Order, body: bytes, verdict: str
) -> None:
    signed = signature(side.SECRET, body, int(timezone.now().timestamp()))
    post(body, {"Stripe-Signature": signed})
    assert PaymentWebhook.objects.get().verdict == verdict
    assert order.payments.get().next_try_at > timezone.now()  # type: ignore[operator]  # it is set


def test_an_answer_that_is_lost_opens_one_page_and_takes_the_money_once(side: StripeSide) -> None:
    product("MUG", 5)
    order = place({"MUG": 2}, card="")
    read_back(order)
    side.deaf = True
    charge(order.pk)
    assert order.payments.get().state == "due"
    side.deaf = False
    again(order)
    assert (len(side.sessions), order.payments.get().state) == (1, "action")
    side.shopper_pays(order.pk)
    side.deaf = True
    again(order)
    side.deaf = False
    assert order.status == "placed"
    again(order)
    assert (order.status, side.money(order.pk)) == ("paid", (2500, 0))


def test_money_that_was_taken_while_the_answer_was_lost_is_found(side: StripeSide, order: Order) -> None:
    side.shopper_pays(order.pk)
    answer, lost = side.answer, list[str]()

    def loses_the_capture(method: str, path: str, *rest: object) -> object:
        told = answer(method, path, *rest)  # type: ignore[arg-type]
        if path.endswith("/capture"):
            lost.append(path)
            return 500, Problem(500, "", "Something went wrong", kind="api_error").body
        return told

    side.answer = loses_the_capture  # type: ignore[method-assign,assignment]
    again(order)
    assert (order.status, len(lost)) == ("placed", 1)
    side.answer = answer  # type: ignore[method-assign]
    again(order)
    assert (order.status, side.money(order.pk)) == ("paid", (2500, 0))


@pytest.mark.parametrize(
    "trouble",
    [
        Problem(500, "", "An error on Stripe's side", kind="api_error"),
        Problem(429, "rate_limit", "Too many requests"),
        Problem(401, "", "Invalid API Key provided"),
        Problem(400, "parameter_invalid_empty", "Something is wrong with our call"),
    ],
)
def test_whatever_stripe_answers_the_order_waits_and_says_why(side: StripeSide, trouble: Problem) -> None:
    product("MUG", 5)
    order = place({"MUG": 1}, card="")
    read_back(order)
    side.trouble = trouble
    charge(order.pk)
    payment = order.payments.get()
    assert payment.state == "due"
    assert str(trouble) in payment.reason
    side.trouble = None
    again(order)
    assert order.payments.get().state == "action"


def test_an_order_that_is_given_up_closes_the_page(side: StripeSide, order: Order) -> None:
    cancel_order(order_id=order.pk, actor="eve", why="changed her mind")
    again(order)
    assert side.session_of(order.pk)["status"] == "expired"
    assert (order.status, order.payments.get().state, side.money(order.pk)) == ("cancelled", "void", (0, 0))
    assert level("MUG") == (5, 0)


def test_what_was_paid_while_the_order_was_given_up_is_let_go(side: StripeSide, order: Order) -> None:
    cancel_order(order_id=order.pk, actor="eve", why="changed her mind")
    side.shopper_pays(order.pk)
    again(order)
    intent = side.intents[side.session_of(order.pk)["payment_intent"]]
    assert (intent["status"], order.payments.get().state) == ("canceled", "void")
    assert side.money(order.pk) == (0, 0)


def test_a_page_that_nobody_uses_ends_with_the_reservation_and_can_be_opened_anew(
    side: StripeSide, order: Order
) -> None:
    Reservation.objects.filter(order_id=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    expire_reservations()
    again(order)
    assert (order.status, level("MUG")) == ("payment_failed", (5, 0))
    assert side.session_of(order.pk)["status"] == "expired"
    pay_again(order_id=order.pk, card="")
    again(order)
    second = order.payments.latest("pk")
    assert second.state == "action"
    side.shopper_pays(second.key)
    again(order)
    assert (order.status, side.money(second.key)) == ("paid", (2500, 0))


def test_a_page_that_expired_at_stripe_fails_the_payment(side: StripeSide, order: Order) -> None:
    side.page_expires(order.pk)
    again(order)
    assert (order.status, order.payments.get().state) == ("payment_failed", "void")


def test_refunds_are_given_once_and_in_parts(side: StripeSide, order: Order) -> None:
    side.shopper_pays(order.pk)
    again(order)
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("5.25"))
    side.deaf = True
    give_refund(Refund.objects.get().pk)
    side.deaf = False
    assert Refund.objects.get().state == "due"
    Refund.objects.update(next_try_at=timezone.now())
    give_refund(Refund.objects.get().pk)
    assert (Refund.objects.get().state, side.money(order.pk)) == ("done", (2500, 525))
    assert reconcile_payments(since=timezone.now() - timedelta(days=1)).differences == []


def test_a_refund_that_stripe_refuses_is_told_to_staff(side: StripeSide, order: Order) -> None:
    side.shopper_pays(order.pk)
    again(order)
    side.intents[side.session_of(order.pk)["payment_intent"]]["amount_received"] = 100
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("5"))
    give_refund(Refund.objects.get().pk)
    refund = Refund.objects.get()
    assert refund.state == "refused"
    assert "greater than unrefunded" in refund.reason


def test_a_refund_that_is_no_amount_of_stripes_is_refused(side: StripeSide, order: Order) -> None:
    side.shopper_pays(order.pk)
    again(order)
    given = StripeCheckout().refund(
        payment=Known(order.pk, order.payments.get().reference), key="k", amount=Decimal("0.005")
    )
    assert (given.done, side.refunds) == (False, {})
    assert "exactly 0.005 EUR" in given.reason


def test_an_order_that_costs_nothing_is_confirmed_on_the_page(side: StripeSide) -> None:
    product("MUG", 5)
    order = place_order(lines=[CartLine("MUG", "The MUG", 1, Decimal(0))], buyer=buyer(), card="")
    read_back(order)
    charge(order.pk)
    side.shopper_pays(order.pk)
    assert again(order).status == "paid"
    assert reconcile_payments(since=timezone.now() - timedelta(days=1)).differences == []


def test_a_refund_that_somebody_gave_at_stripe_is_a_difference(side: StripeSide, order: Order) -> None:
    side.shopper_pays(order.pk)
    again(order)
    intent = side.session_of(order.pk)["payment_intent"]
    side.refunds["re_by_hand"] = {
        "id": "re_by_hand", "object": "refund", "status": "succeeded", "amount": 300, "currency": "eur",
        "payment_intent": intent, "metadata": {},
    }  # fmt: skip
    (difference,) = reconcile_payments(since=timezone.now() - timedelta(days=1)).differences
    assert (difference.name, difference.ours, difference.theirs) == ("refund re_by_hand", "not given", "3.00")


def test_an_order_of_another_system_cannot_be_paid_on_a_page(side: StripeSide) -> None:
    product("MUG", 5)
    handle_orders([order_message(order_id="elsewhere-1", user_id="u", product_ids=["MUG"], amount=5)])
    charge("elsewhere-1")
    order = Order.objects.get(pk="elsewhere-1")
    assert (order.status, side.sessions) == ("payment_failed", {})
    assert "another system" in order.payments.get().reason


def test_checkout_asks_for_no_card(side: StripeSide) -> None:
    assert not {"card", *cards.TYPED_FIELDS} & set(CardForm().fields)
    form = CardForm({})
    assert form.is_valid()
    assert form.card_digits() == ""


def test_the_pages_lead_to_stripes_page(side: StripeSide, order: Order, client: Client) -> None:
    ada = User.objects.create_user("ada")
    Order.objects.filter(pk=order.pk).update(account=ada)
    client.force_login(ada)
    page = client.get(f"/orders/{order.pk}/").content.decode()
    assert "Pay with Stripe" in page
    assert html.escape(side.session_of(order.pk)["url"]) in page
    assert "your bank" not in page
    side.page_expires(order.pk)
    again(order)
    page = client.get(f"/orders/{order.pk}/pay").content.decode()
    assert "on Stripe's page" in html.unescape(page)
    assert "Card number" not in page
    assert client.post(f"/orders/{order.pk}/pay").status_code == 302
    assert again(order).payments.latest("pk").state == "action"


def test_which_gateway_is_a_setting(settings: LazySettings) -> None:
    assert payments.gateway().page == ""
    settings.PAYMENT_GATEWAY = "stripe"
    assert isinstance(payments.gateway(), StripeCheckout)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("19.99", "EUR", 1999), ("500", "jpy", 500), ("1.230", "KWD", 1230), ("0.5", "usd", 50)],
)
def test_money_is_told_in_the_units_of_its_currency(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert from_minor(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("19.995", "EUR"), ("0.5", "JPY"), ("1.234", "KWD")])
def test_no_other_amount_is_charged_than_the_order_says(amount: str, currency: str) -> None:
    with pytest.raises(Unchargeable, match=f"exactly {amount} {currency}"):
        to_minor(Decimal(amount), currency)


def test_too_little_for_stripe_is_a_payment_that_failed(side: StripeSide) -> None:
    told = StripeCheckout().authorise(
        key="k", token="", amount=Decimal("0.10"), currency="EUR", return_url="http://shop"
    )
    assert told.outcome == "declined"
    assert "at least" in told.reason


@pytest.mark.parametrize(
    ("key", "secret", "named"),
    [
        ("", "whsec_1", "GATEWAY_KEY"),
        ("pk_live_1", "whsec_1", "GATEWAY_KEY"),
        ("sk_live_1", "", "WEBHOOK_SECRET"),
    ],
)
def test_keys_that_cannot_work_are_refused_at_the_start(key: str, secret: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        check_stripe(key=key, webhook_secret=secret)
    check_stripe(key="rk_live_1", webhook_secret="whsec_1")
