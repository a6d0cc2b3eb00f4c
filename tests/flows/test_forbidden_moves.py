"""What an order may not do it may not do for anybody: staff, shopper, another system, the API."""

from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order
from orders.states import ForbiddenMove
from shopsite.api import keys, limits
from shopsite.fulfilment import cancel_order, charge, deliver_order, handle_orders, pack_order, ship_order
from shopsite.orderdesk.steps import STEPS
from shopsite.staff.models import StaffAction
from tests.support.api import ask
from tests.support.messages import order_message
from tests.support.shop import DECLINED, paid, place, product, read_back
from tests.support.staff import act

pytestmark = pytest.mark.django_db


def stands(order: Order) -> tuple[object, ...]:
    """All that a refused move must leave as it was."""
    order.refresh_from_db()
    return order.status, order.changed_at, order.refunded, order.history.count(), order.mails.count()


def placed() -> Order:
    return place({"MUG": 1})


def failed() -> Order:
    order = place({"MUG": 1}, card=DECLINED)
    read_back(order)
    charge(order.pk)
    order.refresh_from_db()
    return order


def after(*services: Callable[..., Order]) -> Callable[[], Order]:
    """A paid order that went so far."""

    def went() -> Order:
        order = paid({"MUG": 1})
        for service in services:
            service(order_id=order.pk, actor="eve")
        order.refresh_from_db()
        return order

    return went


def cancelled() -> Order:
    return cancel_order(order_id=placed().pk, actor="eve")


STANDS: dict[str, Callable[[], Order]] = {
    "placed": placed,
    "payment_failed": failed,
    "paid": after(),
    "packed": after(pack_order),
    "shipped": after(pack_order, ship_order),
    "delivered": after(pack_order, ship_order, deliver_order),
    "cancelled": cancelled,
}
FACTS = {"why": "because", "amount": "1", "confirmed": "yes"}


@pytest.fixture(params=STANDS)
def order(request: pytest.FixtureRequest) -> Order:
    """An order in each state that staff can bring about."""
    product("MUG", 9)
    made = STANDS[request.param]()
    assert made.status == request.param
    return made


def test_staff_are_refused_alike_by_service_button_and_list_and_told_what_is_possible(
    order: Order, admin_client: Client
) -> None:
    before, forbidden = stands(order), [step for step in STEPS.values() if not step.fits(order)]
    assert forbidden
    for step in forbidden:
        with pytest.raises(ForbiddenMove) as caught:
            step.service(order_id=order.pk, actor="eve")
        said = str(caught.value)
        assert said.startswith(f"Order {order.pk} is {order.status.replace('_', ' ')} and cannot become ")
        assert "it can become: " in said
        button = reverse("admin:orders_order_do", args=[order.pk, step.name])
        assert said in unescape(admin_client.post(button, FACTS, follow=True).content.decode())
        assert said in unescape(act(admin_client, step.name, order.pk, **FACTS))
        refusals = StaffAction.objects.filter(action=step.name, object_id=order.pk, done=False)
        assert [row.what for row in refusals] == [said, said]
    assert stands(order) == before


def test_an_order_page_offers_no_step_that_would_be_refused(order: Order, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    for step in STEPS.values():
        button = reverse("admin:orders_order_do", args=[order.pk, step.name])
        assert (button in page) == step.fits(order)


@pytest.mark.parametrize("status", [None, "placed", "paid", "delivered", "refunded"])
def test_a_message_of_another_system_moves_no_order_that_exists(order: Order, status: str | None) -> None:
    before = stands(order)
    again = order_message(
        order_id=order.pk, user_id="mallory", product_ids=["MUG"], amount=1, status=status, email="m@m.org"
    )
    handle_orders([again])
    assert stands(order) == before
    assert Order.objects.count() == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_api_moves_no_order_and_says_that_it_is_for_reading(method: str) -> None:
    keys.forget()
    limits.forget()
    product("MUG", 9)
    order = placed()
    before = stands(order)
    refused = ask(f"/orders/{order.pk}", keys.create("writer"), method=method)
    assert (refused.status, refused.body["title"]) == (405, "Method Not Allowed")
    assert refused.body["detail"] == "This API is for reading."
    assert "GET" in refused.headers["allow"]
    assert stands(order) == before
