"""Whoever hears a form of the admin instead of seeing it is told what each field is."""

from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboards.alerts.models import Rule
from orders.models import Order
from tests.support.shop import order as order

pytestmark = pytest.mark.django_db
SILENT = ("hidden", "submit", "button", "image")


class Fields(HTMLParser):
    """The fields of a page, and the names that labels give."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.labelled: set[str | None] = set()
        self.inside = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A label, or a field."""
        told = dict(attrs)
        if tag == "label":
            self.inside += 1
            self.labelled.add(told.get("for"))
        if tag in ("input", "select", "textarea") and told.get("type") not in SILENT and not self.inside:
            self.fields.append(told)

    def handle_endtag(self, tag: str) -> None:
        """The end of a label."""
        self.inside -= tag == "label"

    def unnamed(self) -> list[str | None]:
        """Fields that neither a label nor they themselves name."""
        return [
            told.get("name")
            for told in self.fields
            if not told.get("aria-label") and told.get("id") not in self.labelled - {None}
        ]


def pages(order: Order, user: User) -> dict[str, str]:
    """The address of each form, by its name."""
    return {
        "orders": reverse("admin:orders_order_changelist"),
        "refund": reverse("admin:orders_order_do", args=[order.pk, "refund"]),
        "cancel": reverse("admin:orders_order_do", args=[order.pk, "cancel"]),
        "stock": reverse("admin:inventory_add_stock", args=["MUG"]),
        "product": reverse("admin:catalogue_product_change", args=["MUG"]),
        "rules": reverse("admin:alerts_rule_changelist"),
        "rule": reverse("admin:alerts_rule_add"),
        "account": reverse("admin:auth_user_change", args=[user.pk]),
        "new account": reverse("admin:auth_user_add"),
        "role": reverse("admin:auth_group_add"),
        "mails": reverse("admin:orders_mail_changelist"),
    }


def test_every_field_has_a_name_and_each_its_own(
    admin_client: Client, admin_user: User, order: Order
) -> None:
    Rule.objects.create(name="Rush", figure="clicks", compare="above")
    for name, address in pages(order, admin_user).items():
        found = Fields(admin_client.get(address).content.decode())
        assert found.fields, name
        assert found.unnamed() == [], name
        own = [
            told["aria-label"]
            for told in found.fields
            if told.get("type") == "number" and told.get("aria-label")
        ]
        assert len(own) == len(set(own)), name
