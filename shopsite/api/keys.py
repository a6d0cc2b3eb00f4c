"""API keys: made once, shown once, kept as a digest. `apikey`, admin -> here; dispatch.py asks `find`.

A key is `shop_<public id>_<secret>`. The secret has 192 random bits, so a plain SHA-256 of it cannot be
turned back, and comparing costs nothing.
"""

import hmac
import re
import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from shopsite.api.models import ApiKey

ORDERS, STOCK, FIGURES = "orders", "stock", "figures"
SCOPES: Final = (ORDERS, STOCK, FIGURES)  # a new part of the API adds its own
FORM: Final = re.compile(r"shop_([0-9a-f]{12})_[0-9a-f]{48}")
NAME_CHARS: Final = 100
REMEMBERED_S: Final = 5.0  # a revoked key works that long in a process that has just seen it
NOTED_EVERY_S: Final = 60.0
MOST_REMEMBERED: Final = 10_000


class InvalidName(Exception):
    """No key can be made under this name: show the message."""


class UnknownKey(Exception):
    """There is no such key that works: show the message."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by a key that is right."""

    pk: int
    name: str
    scopes: frozenset[str]  # empty: everything
    rate: int  # requests a second

    def may(self, scope: str) -> bool:
        """Whether the key reads this."""
        return not self.scopes or scope in self.scopes


def create(name: str, *, scopes: Collection[str] = (), rate: int | None = None) -> str:
    """Make a key and return it: nobody can see it again. Raises InvalidName."""
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise InvalidName(f"need a name of 1 to {NAME_CHARS} characters")
    public_id = secrets.token_hex(6)
    key = f"shop_{public_id}_{secrets.token_hex(24)}"
    try:
        with transaction.atomic():
            ApiKey.objects.create(
                name=name,
                public_id=public_id,
                digest=_digest(key),
                scopes=sorted(scopes),
                rate=rate,
                created_at=timezone.now(),
            )
    except IntegrityError:
        raise InvalidName(f"there is a key named {name!r} already: names tell keys apart") from None
    return key


def revoke(name: str) -> None:
    """End a key for good; its row stays, so that its name says what it was. Raises UnknownKey."""
    if not ApiKey.objects.filter(name=name, revoked_at=None).update(revoked_at=timezone.now()):
        raise UnknownKey(f"no key {name!r} that works: `manage.py apikey list` names them")


_lock = threading.Lock()
_remembered: dict[str, tuple[float, str, Caller]] = {}  # public id -> (until, digest, caller)
_noted: dict[int, float] = {}  # key's row -> when its use was noted last
_unnoted: set[int] = set()


def find(key: str) -> Caller | None:
    """Whom a key belongs to; None where it is wrong, revoked or not even of the right form."""
    form = FORM.fullmatch(key)
    if form is None:
        return None
    known = _remembered.get(form[1])
    if known is None or known[0] < time.monotonic():
        known = _look_up(form[1])
        if known is None:
            return None
    _, digest, caller = known
    if not hmac.compare_digest(digest, _digest(key)):
        return None
    _note(caller)
    return caller


def forget() -> None:
    """Look every key up again."""
    _remembered.clear()
    _noted.clear()
    _unnoted.clear()


def has_unnoted() -> bool:
    """Whether somebody used a key whose row does not say so."""
    return bool(_unnoted)


def note_uses() -> None:
    """Write down which keys are in use, each at most once a minute."""
    with _lock:
        used = list(_unnoted)
        _unnoted.clear()
    now = timezone.now()
    unseen = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(seconds=NOTED_EVERY_S))
    ApiKey.objects.filter(unseen, pk__in=used).update(last_used_at=now)


def _note(caller: Caller) -> None:
    now = time.monotonic()
    if now - _noted.get(caller.pk, -NOTED_EVERY_S) < NOTED_EVERY_S:
        return
    with _lock:
        _noted[caller.pk] = now
        _unnoted.add(caller.pk)


def _look_up(public_id: str) -> tuple[float, str, Caller] | None:
    row = ApiKey.objects.filter(public_id=public_id, revoked_at=None).first()
    with _lock:
        if row is None:
            _remembered.pop(public_id, None)
            return None
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        known = _remembered[public_id] = (time.monotonic() + REMEMBERED_S, row.digest, _caller(row))
        return known


def _caller(row: ApiKey) -> Caller:
    return Caller(row.pk, row.name, frozenset(row.scopes), row.rate or settings.API_REQUESTS_PER_SECOND)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
