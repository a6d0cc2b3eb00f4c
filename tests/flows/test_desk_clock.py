"""Whoever works in the admin reads one clock: a time looks the same on every page."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from dashboards.alerts.models import Alert, Rule
from orders import sending
from orders.models import Order
from tests.support.shop import paid, product
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
THE_CLOCK = re.compile(r"\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d:\d\d")
ANOTHER = re.compile(r"[ap]\.m\.|\d{4}-\d\d-\d\d \d\d:\d\d|\d [A-Z][a-z]{2} \d\d:\d\d")


@pytest.fixture
def sold() -> Order:
    """An order with everything that has a time: payment, mail, ledger; and an alert."""
    product("MUG", 9)
    order = paid({"MUG": 1})
    sending.send_due()
    rule = Rule.objects.create(name="No order", figure="orders", compare="no_data")
    Alert.objects.create(rule=rule, fired_at=timezone.now(), value=0)
    return order


def test_a_time_reads_the_same_on_every_page_of_the_admin(staff: As, sold: Order) -> None:
    client, mail = staff("operator"), sold.mails.get()
    pages = [reverse(f"admin:{name}_changelist") for name in (
        "orders_order", "orders_mail", "orders_payment", "inventory_movement", "inventory_reservation",
        "events_outboxevent", "staff_staffaction", "alerts_alert",
    )]  # fmt: skip
    pages += [
        reverse("admin:orders_order_change", args=[sold.pk]),
        reverse("admin:orders_order_way", args=[sold.pk]),
        reverse("admin:orders_mail_change", args=[mail.pk]),
        reverse("admin:orders_mail_resend", args=[mail.pk]),
        reverse("admin:catalogue_product_change", args=["MUG"]),
        reverse("admin:alerts_alert_change", args=[Alert.objects.get().pk]),
    ]
    for page in pages:
        words = strip_tags(client.get(page).content.decode())
        assert THE_CLOCK.search(words), page
        assert not ANOTHER.search(words), (page, ANOTHER.findall(words))
