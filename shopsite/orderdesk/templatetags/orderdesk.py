"""What templates of the order desk need: addresses, amounts, the queues of the index page."""

from dataclasses import dataclass
from decimal import Decimal

from django import template
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AbstractUser
from django.urls import reverse

from orders.money import money_text
from shopsite.desk.counts import capped_text
from shopsite.orderdesk import overview
from shopsite.orderdesk.queues import MAX_COUNTED

register = template.Library()
register.filter("address", quote)


@dataclass(frozen=True)
class Tile:
    """One number of the index page."""

    title: str
    about: str
    count: str
    link: str
    tone: str  # work, trouble, quiet


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
