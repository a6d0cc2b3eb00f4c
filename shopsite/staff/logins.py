"""Write down who of the staff came and went, and who tried to. Django's signals -> here -> services."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse

from shopsite.staff.services import record


@receiver(user_logged_in)
def _came(user: AbstractBaseUser, **_facts: Any) -> None:
    if getattr(user, "is_staff", False):
        record(actor=user.get_username(), action="login")


@receiver(user_logged_out)
def _went(user: AbstractBaseUser | None, **_facts: Any) -> None:
    if user is not None and getattr(user, "is_staff", False):
        record(actor=user.get_username(), action="logout")


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_facts: Any) -> None:
    """Shoppers mistype their passwords, too: only the admin's own door counts."""
    if request is not None and request.path == reverse("admin:login"):
        record(actor=str(credentials.get("username", "")), action="login_failed", done=False)
