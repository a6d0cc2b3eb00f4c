"""What brought a visit is kept with the order that it ends in."""

import json

import pytest
from pytest_django.fixtures import Settings

from orders.models import Lead, Order
from orders.services import step
from orders.states import Status
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import Click
from tests.support.shop import product
from tests.support.storefront import Shopper, order_id
from tests.support.storefront import shopper as shopper
from tests.support.storefront import told as told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    settings.DEMO = True  # where the test cards work


def test_an_order_knows_the_first_click_of_its_visit(shopper: Shopper, told: list[Click]) -> None:
    product("MUG", 5)
    shopper.get("/p/MUG/?utm_campaign=spring", headers={"Referer": "https://www.google.com/?q=private"})
    shopper.get("/")
    shopper.add("MUG")
    order = order_id(shopper.buy())
    lead = Lead.objects.get(order=order)
    assert (lead.event_id, lead.type, lead.path) == (told[0].event_id, "view_item", "/p/MUG/")
    assert (lead.referrer, lead.campaign) == ("https://www.google.com/", "spring")
    assert lead.at == told[0].timestamp


def test_each_click_and_the_order_say_who_sent_the_visit_and_on_what(
    shopper: Shopper, told: list[Click]
) -> None:
    product("MUG", 5)
    shopper.get("/p/MUG/", headers={"Referer": "https://www.google.com/?q=private"})
    shopper.add("MUG")
    order = Order.objects.get(pk=order_id(shopper.buy()))
    assert {click.source for click in told} == {"google.com"}
    assert (order.sent_by, order.device) == ("google.com", "desktop")
    step(order, Status.PAID, actor="test", why="")
    events = [json.loads(bytes(row.value or b"")) for row in OutboxEvent.objects.filter(topic="orders")]
    said = [(event["type"], event["device"], event["source"]) for event in events if "type" in event]
    assert said[-1] == ("order_paid", "desktop", "google.com")
    assert all((event["device"], event["source"]) == ("desktop", "google.com") for event in events)


def test_a_new_visit_has_a_click_of_its_own(shopper: Shopper, told: list[Click]) -> None:
    product("MUG", 5)
    shopper.get("/?utm_campaign=old")
    del shopper.cookies["visit"]  # as a browser does after half an hour
    shopper.get("/?utm_campaign=new")
    shopper.add("MUG")
    assert Lead.objects.get(order=order_id(shopper.buy())).campaign == "new"


@pytest.mark.parametrize("forged", ["", "x", "eyJzZXNzaW9uIjoxfQ:1:x"])
def test_a_cookie_that_we_did_not_sign_tells_nothing_and_the_order_is_taken(
    shopper: Shopper, forged: str
) -> None:
    product("MUG", 5)
    shopper.add("MUG")
    data = shopper.fill()
    shopper.cookies["lead"] = forged
    answer = shopper.post("/checkout/", data)
    assert answer.status_code == 302
    assert not Lead.objects.filter(order=order_id(answer.headers["Location"])).exists()
