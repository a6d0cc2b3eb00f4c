"""What waits for somebody: queues with their reasons, oldest first, counted no further than is shown."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from inventory.services import adjust
from orders.models import Order, Refund
from orders.states import Status
from shopsite.events.models import DeadLetter
from shopsite.fulfilment import handle_orders, pack_order
from shopsite.orderdesk import queues
from tests.support.messages import order_message
from tests.support.shop import paid, place, product
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"


def aged(order: Order, **ago: int) -> Order:
    """The order, as if it had stood where it stands for so long."""
    Order.objects.filter(pk=order.pk).update(changed_at=timezone.now() - timedelta(**ago))
    order.refresh_from_db()
    return order


def packed() -> Order:
    return pack_order(order_id=paid({"MUG": 1}).pk, actor="test")


def failed() -> Order:
    order = place({"MUG": 1})
    Order.objects.filter(pk=order.pk).update(status=Status.PAYMENT_FAILED)
    return order


def unfulfillable() -> Order:
    order = paid({"MUG": 1})
    adjust(product_id="MUG", change=-500, reason="correction", actor="supplier")
    return order


def backordered() -> Order:
    product("CUP", 0)
    product("CUP2", 0).level.__class__.objects.filter(pk="CUP").update(backorders=True)
    handle_orders([order_message(order_id="b1", user_id="u", product_ids=["CUP"], amount=9)])
    return Order.objects.get(pk="b1")


def refused() -> Order:
    order = paid({"MUG": 1})
    now = timezone.now()
    Refund.objects.create(order=order, key="r", amount=1, state="refused", actor="x", created_at=now)
    return order


def stuck() -> Order:
    return aged(place({"MUG": 1}), minutes=20)


def unread() -> Order:
    order = paid({"MUG": 1})
    order.mails.update(state="failed", why="refused: 550 No such user")
    return order


CASES: dict[str, tuple[Callable[[], Order], str]] = {
    "to_pack": (lambda: paid({"MUG": 1}), "Paid 0"),
    "to_ship": (packed, "Packed 0"),
    "payment_failed": (failed, "The payment failed"),
    "unfulfillable": (unfulfillable, "more was sold than there was"),
    "stuck": (stuck, "it should take 15"),
    "backordered": (backordered, "Waits for stock"),
    "refund_refused": (refused, "still waits for money"),
    "mail_failed": (unread, "A mail to the customer failed"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_queue_shows_its_orders_with_why_they_are_there_and_no_others(staff: As, name: str) -> None:
    product("MUG", 100)
    make, why = CASES[name]
    other, order = place({"MUG": 1}), make()
    page = staff("viewer").get(reverse(LIST), {"queue": name}).content.decode()
    assert order.pk in page
    assert why in page.replace("\xa0", " ")
    assert other.pk not in page
    assert queues.counts()[name] == 1


@pytest.mark.parametrize("name", [queue.name for queue in queues.REASONS])
def test_what_needs_attention_is_every_reason_and_nothing_else(staff: As, name: str) -> None:
    product("MUG", 100)
    make, why = CASES[name]
    other, order = place({"MUG": 1}), make()
    page = staff("viewer").get(reverse(LIST), {"queue": "attention"}).content.decode()
    assert order.pk in page
    assert why in page.replace("\xa0", " ")
    assert other.pk not in page


def test_many_stuck_in_one_state_do_not_hide_those_stuck_in_another(
    staff: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "MAX_OF_A_PART", 1)
    product("MUG", 100)
    oldest, older = (aged(paid({"MUG": 1}), days=days) for days in (9, 8))
    young = aged(place({"MUG": 1}), minutes=20)
    client = staff("viewer")
    page = client.get(reverse(LIST), {"queue": "attention"}).content.decode()
    assert [order.pk in page for order in (oldest, older, young)] == [True, False, True]
    page = client.get(reverse(LIST), {"queue": "stuck"}).content.decode()
    assert [order.pk in page for order in (oldest, older, young)] == [True, True, True]


def test_a_failed_mail_needs_nobody_once_the_order_is_over(staff: As) -> None:
    product("MUG", 100)
    order = unread()
    Order.objects.filter(pk=order.pk).update(status=Status.DELIVERED)
    assert queues.counts()["mail_failed"] == 0


def test_a_queue_begins_with_who_waits_longest(staff: As) -> None:
    product("MUG", 100)
    young, old = aged(paid({"MUG": 1}), minutes=5), aged(paid({"MUG": 1}), minutes=50)
    page = staff("viewer").get(reverse(LIST), {"queue": "to_pack"}).content.decode()
    rows = page.partition("<tbody>")[2]
    assert rows.index(old.pk) < rows.index(young.pk)


def test_every_limit_is_a_setting(staff: As, settings: Settings) -> None:
    product("MUG", 100)
    aged(place({"MUG": 1}), minutes=20)
    settings.STUCK_MINUTES = {**settings.STUCK_MINUTES, "placed": 30}
    assert queues.counts()["stuck"] == 0


def test_counts_end_where_they_are_shown(staff: As, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 100)
    for _ in range(4):
        paid({"MUG": 1})
    monkeypatch.setattr(queues, "MAX_COUNTED", 2)
    assert queues.counts()["to_pack"] == 3  # one more than is shown, so that it can be told


def test_the_first_page_leads_to_every_queue_a_person_may_see_in_one_query(staff: As) -> None:
    product("MUG", 1)
    adjust(product_id="MUG", change=-5, reason="correction", actor="supplier")
    DeadLetter.objects.create(topic="orders", partition=0, offset=1, reason="x")
    viewer = staff("viewer")
    with CaptureQueriesContext(connection) as asked:
        page = viewer.get(reverse("admin:index")).content.decode()
    assert len(asked) <= 8
    for address in ("?queue=to_pack", "?queue=stuck", "?below=zero", "?resent_at__isempty=1"):
        assert address in page
    assert "queue=" not in staff("stock keeper").get(reverse("admin:index")).content.decode()


def test_products_below_zero_are_listed_by_that(staff: As) -> None:
    product("MUG", 1)
    product("CUP", 1)
    adjust(product_id="MUG", change=-5, reason="correction", actor="supplier")
    rows = staff("viewer").get(reverse("admin:catalogue_product_changelist"), {"below": "zero"})
    assert [row.pk for row in rows.context["cl"].result_list] == ["MUG"]
