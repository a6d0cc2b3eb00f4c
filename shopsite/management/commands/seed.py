"""`manage.py seed`: fill an empty shop. Products and shelves, opening stock, roles, a staff login.

Run it as often as you like: what is there stays as it is, and no stock is counted twice.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction

from inventory import services as inventory
from shopsite.catalogue import demo
from shopsite.naming import event_name
from shopsite.roles import ROLES, make_roles

ACTOR = "seed"


class Command(BaseCommand):
    """Fills the catalogue, its opening stock, the roles and the staff login."""

    help = "Add the demo's products, their opening stock, the roles and a staff login. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Do each step in its own transaction and say what was new."""
        with transaction.atomic():
            filled = demo.fill()
        self.stdout.write(f"Categories: {filled.categories} new. Products: {filled.products} new.")
        self.stdout.write(f"Opening stock: {_open_stock(filled.opening)} products.")
        with transaction.atomic():
            make_roles()
        self.stdout.write(f"Roles: {', '.join(sorted(ROLES))}.")
        self.stdout.write(_make_staff())


@transaction.atomic
def _open_stock(opening: dict[str, int]) -> int:
    """Put the opening stock on the shelves, once a product for ever; returns how many were new."""
    return sum(
        inventory.adjust(
            product_id=sku, change=count, reason="opening", actor=ACTOR, event_id=event_name("opening", sku)
        )
        for sku, count in sorted(opening.items())
    )


def _make_staff() -> str:
    """Make the staff user that the environment names, or give it that password; says what it did."""
    name, password = settings.STAFF_USERNAME, settings.STAFF_PASSWORD
    if not name or not password:
        return "Staff login: none, for STAFF_USERNAME and STAFF_PASSWORD are not set."
    user, is_new = get_user_model().objects.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": True}
    )
    if not is_new and _may_in(user, password):
        return f"Staff login: {name}, as before."
    user.set_password(password)
    user.is_staff = user.is_superuser = user.is_active = True
    user.save()
    return f"Staff login: {name}, {'new' if is_new else 'with a new password'}."


def _may_in(user: User, password: str) -> bool:
    return user.is_active and user.is_staff and user.is_superuser and user.check_password(password)
