"""What templates of the order desk need: addresses, amounts, what the index page tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django import template
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AbstractUser
from django.urls import reverse

from orders.money import money_text
from shopsite.desk.counts import capped_text
from shopsite.orderdesk import overview
from shopsite.orderdesk.queues import MAX_COUNTED
from shopsite.staff.models import StaffAction
from shopsite.staff.services import ACTIONS

register = template.Library()
DEEDS = 10
PAGES: Mapping[str, str] = {"order": "admin:orders_order_change", "product": "admin:catalogue_product_change"}
register.filter("address", quote)


@dataclass(frozen=True)
class Tile:
    """One number of the index page."""

    title: str
    about: str
    count: str
    link: str
    tone: str  # work, trouble, quiet


@dataclass(frozen=True)
class Deed:
    """Something that somebody did, for themselves to find again."""

    at: datetime
    what: str
    which: str
    link: str  # empty where there is no page to go back to


@register.simple_tag
def amount(value: Decimal | None, currency: str) -> str:
    """Money with its currency."""
    return "not known" if value is None else money_text(value, currency)


@register.simple_tag
def waiting(user: AbstractUser) -> list[Tile]:
    """What waits for somebody, as far as this person may see it."""
    return [
        Tile(
            title=found.notice.title,
            about=found.notice.about,
            count=capped_text(found.count, MAX_COUNTED),
            link=reverse(found.notice.page) + found.notice.query,
            tone=("trouble" if found.notice.is_trouble else "work") if found.count else "quiet",
        )
        for found in overview.waiting(user.has_perm)
    ]


@register.simple_tag
def did_last(user: AbstractUser) -> list[Deed]:
    """What this person did last, newest first, by the audit log: Django's own knows no step of an order."""
    rows = StaffAction.objects.filter(actor=user.get_username(), done=True).exclude(kind="").order_by("-pk")
    return [
        Deed(
            at=row.at,
            what=f"{ACTIONS.get(row.action, row.action)}: {row.kind}",
            which=row.object_id,
            link=reverse(PAGES[row.kind], args=[quote(row.object_id)]) if row.kind in PAGES else "",
        )
        for row in rows[:DEEDS]
    ]
