"""An order's events and the clicks of its visit are found in Kafka itself, when nothing else has them."""

from datetime import UTC, datetime, timedelta

import pytest

from orders.models import Lead, Order
from shopsite.events import clicks
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import Click
from shopsite.way.log import look
from shopsite.way.questions import clicks_of, events_of
from tests.support import until
from tests.support.servers import Kafka
from tests.support.shop import place, product
from tests.support.site import processes

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def test_events_whose_outbox_rows_were_trimmed_are_found_by_time(kafka: Kafka, redis: object) -> None:
    product("MUG", 9)
    order, other = place({"MUG": 1}), place({"MUG": 1})
    with processes("relay"):
        until(lambda: not OutboxEvent.objects.filter(published_at=None).exists(), within=30)
    row = OutboxEvent.objects.get(topic="orders", key=order.pk)
    OutboxEvent.objects.all().delete()
    found = look(events_of(order.pk), None)
    assert found.trouble == ""
    (seen,) = found.events
    assert (seen.place, seen.event_id) == (f"orders:{row.partition}:{row.offset}", row.event_id)
    assert seen.type == "order_placed"
    assert other.pk not in seen.event_id


def test_the_clicks_of_a_visit_are_found_and_those_of_others_are_not(kafka: Kafka) -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    now = datetime.now(UTC)
    for session, path in (("session-1", "/p/MUG/"), ("another", "/secret/"), ("session-1", "/cart/")):
        clicks.emit(
            Click(
                user_id="visitor-1", product_id=None, timestamp=now, type="page_view",
                event_id=f"{session}{path}", session_id=session, path=path,
            )
        )  # fmt: skip
    assert clicks.flush(10)
    Lead.objects.create(order=order, event_id="x", type="page_view", at=now - timedelta(minutes=1))
    found = look(None, clicks_of(Order.objects.get(pk=order.pk)))
    assert [seen.detail for seen in found.clicks] == ["/p/MUG/", "/cart/"]
    clicks.close()
