"""The webhook endpoint: signed, recent, once; and what it is told is never taken at its word."""

import json
import time
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from orders.models import Order, PaymentWebhook
from shopsite.fulfilment import charge, webhooks
from shopsite.gateway.webhooks import signature
from shopsite.tasks import trim_events
from tests.support.gateway import Bank
from tests.support.shop import NUMBERS, place, product, read_back

pytestmark = pytest.mark.django_db
ADDRESS = "/payments/webhook"


@pytest.fixture
def order(bank: Bank) -> Order:
    """An order whose bank has not decided yet."""
    product("MUG", 5)
    order = place({"MUG": 1}, card=NUMBERS["late"])
    read_back(order)
    charge(order.pk)
    return order


def told(order: Order, *, kind: str = "payment.captured", event: str = "evt_1") -> bytes:
    return json.dumps({"id": event, "kind": kind, "payment": order.pk, "created": 1}).encode()


def post(body: bytes, *, secret: str, at: float | None = None, header: str | None = None) -> int:
    signed = signature(secret, body, int(at or time.time())) if header is None else header
    answer = Client(enforce_csrf_checks=True).post(
        ADDRESS, body, content_type="application/json", headers={"Gateway-Signature": signed}
    )
    return answer.status_code


def is_due(order: Order) -> bool:
    return order.payments.get().next_try_at <= timezone.now()  # type: ignore[operator]  # set while it is due


def rows() -> list[tuple[str, str]]:
    return list(PaymentWebhook.objects.values_list("event_id", "verdict"))


def test_a_webhook_has_the_gateway_asked_and_its_word_is_not_taken(bank: Bank, order: Order) -> None:
    assert not is_due(order)
    assert post(told(order), secret=bank.webhook_secret) == 200
    assert is_due(order)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "placed"  # it said captured; the bank says that it has not decided
    webhook = PaymentWebhook.objects.get()
    assert (webhook.payment, webhook.kind) == (order.payments.get(), "payment.captured")
    assert webhook.signed_at and abs((webhook.received_at - webhook.signed_at).total_seconds()) < 5


@pytest.mark.parametrize("header", ["", "t=1,v1=", "v1=abc", "t=x,v1=abc", "t=99999999999999,v1=abc"])
def test_an_unsigned_webhook_is_refused_and_recorded(order: Order, header: str) -> None:
    assert post(told(order), secret="", header=header) == 400
    assert rows() == [("", "signature")]
    assert not is_due(order)


def test_a_webhook_of_another_secret_or_another_body_is_refused(bank: Bank, order: Order) -> None:
    assert post(told(order), secret="guessed") == 400
    other = signature(bank.webhook_secret, told(order, event="evt_2"), int(time.time()))
    assert post(told(order), secret="", header=other) == 400
    assert rows() == [("", "signature")] * 2
    assert not is_due(order)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_recorded_webhook_that_is_sent_again_later_is_refused(
    bank: Bank, order: Order, seconds: int
) -> None:
    assert post(told(order), secret=bank.webhook_secret, at=time.time() + seconds) == 400
    assert rows() == [("", "old")]
    assert not is_due(order)


def test_the_same_event_again_is_answered_well_and_changes_nothing(bank: Bank, order: Order) -> None:
    assert post(told(order), secret=bank.webhook_secret) == 200
    charge(order.pk)
    assert post(told(order), secret=bank.webhook_secret) == 200
    assert not is_due(order)
    assert rows() == [("evt_1", "accepted"), ("evt_1", "duplicate")]


def test_a_forger_cannot_take_an_events_id_before_it_comes(bank: Bank, order: Order) -> None:
    assert post(told(order), secret="guessed") == 400
    assert post(told(order), secret=bank.webhook_secret) == 200
    assert is_due(order)


def test_a_webhook_for_a_payment_of_nobody_or_of_no_sense_changes_nothing(bank: Bank, order: Order) -> None:
    body = told(order).replace(order.pk.encode(), b"4711")
    assert post(body, secret=bank.webhook_secret) == 200
    assert post(b'{"id": 5}', secret=bank.webhook_secret) == 400
    assert [verdict for _, verdict in rows()] == ["unknown", "unreadable"]
    assert not is_due(order)


def test_a_large_webhook_is_refused_before_it_is_read(bank: Bank, order: Order) -> None:
    assert post(b" " * (64 * 1024 + 1), secret=bank.webhook_secret) == 413
    assert rows() == []


def test_refused_webhooks_cannot_fill_the_disk(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "KEPT_AN_HOUR", 3)
    for _ in range(5):
        assert post(told(order), secret="guessed") == 400
    assert len(rows()) == 3


def test_webhooks_of_nobodys_payment_go_with_the_inbox_and_those_of_ours_stay(
    bank: Bank, order: Order, settings: LazySettings
) -> None:
    nobodys = told(order).replace(order.pk.encode(), b"4711")
    for body in (told(order, event="ours"), nobodys.replace(b"evt_1", b"old"), b"{}"):
        post(body, secret=bank.webhook_secret)
    long_ago = timezone.now() - timedelta(days=settings.KEEP_INBOX_DAYS, minutes=1)
    PaymentWebhook.objects.update(received_at=long_ago)
    post(nobodys.replace(b"evt_1", b"new"), secret=bank.webhook_secret)
    assert trim_events() == 2
    assert rows() == [("ours", "accepted"), ("new", "unknown")]


def test_only_posts_are_taken(client: Client) -> None:
    assert client.get(ADDRESS).status_code == 405
