"""Somebody of the staff, logged in. tests/flows -> here."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from shopsite.roles import make_roles

As = Callable[[str], Client]


def log_in(role: str) -> Client:
    """A browser in which somebody of that role is logged in; the roles must be made."""
    user = User.objects.create_user(role.replace(" ", "-"), password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db: None) -> As:
    """A browser in which somebody of that role is logged in."""
    make_roles()
    return log_in


def act(client: Client, action: str, *orders: str, **fields: str) -> str:
    """Choose an action for orders in the list; returns the page that follows."""
    data = {"action": action, "_selected_action": list(orders), **fields}
    return client.post(reverse("admin:orders_order_changelist"), data, follow=True).content.decode()
