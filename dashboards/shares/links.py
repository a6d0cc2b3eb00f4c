"""Share links: made once, shown once, kept as a digest. Pages, admin -> here; sockets.py asks.

A token has 192 random bits, so it cannot be guessed and a plain SHA-256 of it cannot be turned back.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from dashboards.shares.models import ShareLink
from shopsite.staff.services import record

LIVES: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
FORM = re.compile(r"[A-Za-z0-9_-]{32}")
KIND = "share link"
NOTED_EVERY = timedelta(minutes=1)


class Refused(Exception):
    """No link can be made of this: show the message."""


def make_link(*, name: str, life: str, user: User, now: datetime) -> tuple[str, ShareLink]:
    """Make a link; its token, which nobody can see again, and its row. Raises Refused."""
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise Refused("Say in 1 to 100 letters who gets the link.")
    if life not in LIVES:
        raise Refused("A link lives an hour, a day, a week or a month.")
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        link = ShareLink.objects.create(
            name=name, digest=_digest(token), made_by=user, made_at=now, expires_at=now + LIVES[life]
        )
        record(
            actor=user.get_username(),
            action="share",
            kind=KIND,
            object_id=str(link.pk),
            what=f"{name}: a {life}",
        )
    return token, link


def find_link(token: str, now: datetime) -> ShareLink | None:
    """The link of a token, noting that it is used; None where it is wrong, expired or revoked."""
    if FORM.fullmatch(token) is None:
        return None
    link = ShareLink.objects.filter(digest=_digest(token)).first()
    if link is None or not link.works(now):
        return None
    unseen = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
    ShareLink.objects.filter(unseen, pk=link.pk).update(last_used_at=now)
    return link


def revoke_link(*, link_id: int, user: User, now: datetime) -> bool:
    """End a link for good; whether it was not revoked before."""
    with transaction.atomic():
        if not ShareLink.objects.filter(pk=link_id, revoked_at=None).update(revoked_at=now):
            return False
        record(actor=user.get_username(), action="revoke", kind=KIND, object_id=str(link_id))
    return True


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
