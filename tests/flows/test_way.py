"""An order's whole way: one page from which 'why' is answered, whatever happened to the order."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orders.models import Lead, Mail, Order, Payment, PaymentCall, PaymentWebhook, Transition
from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent
from shopsite.fulfilment import handle_orders, pack_order
from shopsite.way import SOURCES, whole_way
from shopsite.way.log import look
from shopsite.way.questions import clicks_of, events_of
from tests.support.messages import order_message
from tests.support.shop import paid, place, product
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db


def read(client: Client, order_id: str) -> str:
    """The page."""
    return client.get(reverse("admin:orders_order_way", args=[order_id])).content.decode()


def test_the_page_tells_everything_in_the_order_in_which_it_happened(staff: As) -> None:
    product("MUG", 9)
    order = paid({"MUG": 2})
    begun = order.placed_at - timedelta(minutes=3)
    Lead.objects.create(
        order=order, event_id="c1", type="view_item", at=begun, path="/p/MUG/", referrer="https://g.example/"
    )
    OutboxEvent.objects.filter(topic="orders", event_id__startswith="order_placed").update(
        published_at=order.placed_at + timedelta(seconds=1), partition=1, offset=17, seq=4
    )
    act(staff("operator"), "pack", order.pk)
    page = read(staff("viewer"), order.pk)
    told = (
        "The visit began: the shopper looked at a product, /p/MUG/.",
        "The order began as placed: checkout.",
        "was prepared",
        "The order became paid",
        "is confirmed” was written.",
        "2 of MUG left the shelf (sale).",
        "The order became packed.",
        "operator: packed.",
    )
    places = [page.index(sentence) for sentence in told]
    assert places == sorted(places)
    assert "topic orders, partition 1, offset 17" in page
    assert "from https://g.example/" in page


def test_the_time_between_stands_beside_each_step() -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    placed = Transition.objects.get(order=order)
    Lead.objects.create(order=order, event_id="c", type="search", at=placed.at - timedelta(minutes=4))
    entries = whole_way(order.pk).entries
    assert [entry.after for entry in entries][:2] == ["", "+4\xa0minutes"]


def test_what_happens_next_is_told_with_its_time() -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    ahead = {one.what: one for one in whole_way(order.pk).ahead}
    assert "The card is charged when the order's event has come back from Kafka." in ahead
    kept = next(one for what, one in ahead.items() if "are kept for it" in what)
    assert kept.at is not None and kept.at > timezone.now()
    soon = timezone.now() + timedelta(minutes=2)
    Payment.objects.filter(order=order).update(
        state="due", asked_at=order.placed_at, next_try_at=soon, tries=3, reason="no answer"
    )
    again = next(one for one in whole_way(order.pk).ahead if "asked again" in one.what)
    assert (again.at, again.tone) == (soon, "warn")
    assert "3 times: no answer" in again.what


def test_a_declined_card_and_a_mail_that_cannot_go_out_are_marked_as_problems_or_to_be_watched() -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    Transition.objects.create(
        order=order, at=timezone.now(), from_status="placed", to_status="payment_failed",
        why="declined", actor="payments",
    )  # fmt: skip
    why = "not yet: no route"
    Mail.objects.filter(order=order).update(state="due", tries=2, why=why, next_try_at=timezone.now())
    way = whole_way(order.pk)
    assert [entry.what for entry in way.problems] == ["The order became payment failed: declined."]
    assert any("2 tries failed: no route" in one.what and one.tone == "warn" for one in way.ahead)


def test_each_call_of_the_gateway_and_each_webhook_is_told() -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    payment, now = order.payments.get(), timezone.now()
    PaymentCall.objects.all().delete()
    PaymentCall.objects.create(
        payment=payment, kind="authorise", key="k1", stored_at=now, asked_at=now,
        answered_at=now + timedelta(seconds=2), outcome="declined", detail="no money",
    )  # fmt: skip
    PaymentCall.objects.create(payment=payment, kind="state", key="k2", stored_at=now, asked_at=now)
    PaymentWebhook.objects.create(
        payment=payment, event_id="w1", kind="captured", received_at=now, verdict="signature"
    )
    said = [entry.what for entry in whole_way(order.pk).entries]
    for sentence in (
        "The gateway was asked: authorise.",
        "The gateway answered after 2.0 s: declined.",
        "No answer to that is known (ask for the state).",
        "The gateway called: captured (wrongly signed).",
    ):
        assert sentence in said


def test_an_order_of_another_system_that_was_rejected_says_why(staff: As) -> None:
    product("MUG", 0)
    handle_orders([order_message(order_id="456", user_id="123", product_ids=["MUG"], amount=9)])
    assert Transition.objects.get(order="456").origin.startswith("orders:")
    page = read(staff("viewer"), "456")
    assert Transition.objects.get(order="456").origin in page
    assert "The order began as rejected: not in stock." in page
    assert "It came from another system" in page
    assert "it could not be reserved, and was not charged" in page


def test_a_number_that_only_a_dead_letter_has_is_found(staff: As) -> None:
    DeadLetter.objects.create(
        topic="orders", partition=2, offset=9, key="789", reason="amount is -1", value=b"{}"
    )
    viewer = staff("viewer")
    page = read(viewer, "789")
    assert "There is no order “789”" in page
    assert "could not be processed: amount is -1." in page
    assert "mend it and send it again" in page
    found = viewer.get(reverse("admin:orders_order_changelist"), {"q": "789"}).content.decode()
    assert reverse("admin:orders_order_way", args=["789"]) in found


def test_a_message_that_waits_in_the_inbox_is_found_and_says_when_it_is_tried_again(staff: As) -> None:
    due = timezone.now() + timedelta(minutes=1)
    InboxEvent.objects.create(
        topic="orders", partition=0, offset=5, key="12", event_id="e", value=b"{}",
        attempts=2, error="no such table", due_at=due,
    )  # fmt: skip
    way = whole_way("12")
    (waits,) = way.ahead
    assert (waits.at, waits.tone) == (due, "bad")
    assert "failed 2 times (no such table)" in waits.what
    assert "There is no order" in read(staff("viewer"), "12")


def test_a_number_that_nobody_knows_is_not_found(staff: As) -> None:
    answer = staff("viewer").get(reverse("admin:orders_order_way", args=["nothing"]))
    assert answer.status_code == 404
    assert "Nothing is known" in answer.content.decode()


def test_an_event_that_the_relay_does_not_send_is_told_as_trouble() -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    late = next(one for one in whole_way(order.pk).ahead if "relay" in one.what)
    assert late.tone == "bad"


@pytest.mark.parametrize("steps", [1, 40])
def test_the_page_takes_at_most_twenty_queries_however_long_the_way_was(staff: As, steps: int) -> None:
    skus = {f"P{n}": 1 for n in range(steps)}
    for sku in skus:
        product(sku, 5)
    order = paid(skus)
    for number in range(steps):
        Transition.objects.create(
            order=order, at=timezone.now(), to_status="paid", why=str(number), actor="x"
        )
    viewer = staff("viewer")
    with CaptureQueriesContext(connection) as asked:
        page = read(viewer, order.pk)
    assert len(asked) <= 20, [query["sql"] for query in asked]
    assert page.count("left the shelf") == steps


def test_every_source_is_asked_of_a_number_without_an_order() -> None:
    assert len(SOURCES) == 11
    assert whole_way("x").is_unknown


def test_events_that_the_outbox_still_places_are_not_looked_up() -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    wanted = events_of(order.pk)
    assert wanted is not None
    assert {name.partition(":")[0] for name in wanted.ids} == {"order_placed", "order_paid"}
    OutboxEvent.objects.update(published_at=timezone.now(), partition=0, offset=1)
    assert events_of(order.pk) is None


def test_kafka_that_is_away_is_told_in_a_sentence_and_holds_up_nobody(staff: As) -> None:
    product("MUG", 9)
    order = pack_order(order_id=paid({"MUG": 1}).pk, actor="x")
    answer = staff("viewer").get(reverse("admin:orders_order_way_log", args=[order.pk]))
    assert answer.status_code == 200
    assert "Kafka cannot be asked now" in answer.content.decode()
    assert "comes from the database and holds" in answer.content.decode()
    assert 'class="again"' in answer.content.decode()
    found = look(events_of(order.pk), clicks_of(Order.objects.get(pk=order.pk)))
    assert found.events == []


def test_what_others_wrote_is_shown_as_text(staff: As) -> None:
    DeadLetter.objects.create(
        topic="orders", partition=2, offset=9, key="7", reason="<script>alert(1)</script>", value=b"{}"
    )
    assert "<script>alert" not in read(staff("viewer"), "7")
