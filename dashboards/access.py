"""Who may see the live pages: staff with any of the shop's roles. views.py and sockets.py ask here."""

from typing import TypeGuard

from django.contrib.auth.models import User


def is_staff(user: object) -> TypeGuard[User]:
    """An active member of staff, whatever the role."""
    return isinstance(user, User) and user.is_active and user.is_staff


def may_watch(user: object) -> bool:
    """Staff whose role lets them see orders or stock: each role, from viewer up, sees one of them."""
    return is_staff(user) and (user.has_perm("orders.view_order") or user.has_perm("inventory.view_level"))


def may_share(user: object) -> bool:
    """Whoever may watch, and may let others watch without an account."""
    return may_watch(user) and is_staff(user) and user.has_perm("shares.add_sharelink")
