"""Money and days as the shop writes them. Templates -> here."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from shopsite.storefront.context import Frame, Shelf
from shopsite.storefront.fragments import fragment
from shopsite.storefront.items import Item

register = template.Library()
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_CENT = Decimal("0.01")


@register.simple_tag
@cache
def icon(name: str, more: str = "") -> SafeString:
    """A line drawing of shopsite/sprite.html; it says nothing to who cannot see it."""
    return format_html('<svg class="i {}" aria-hidden="true"><use href="#i-{}"></use></svg>', more, name)


@register.simple_tag
def card(item: Item) -> SafeString:
    """A product in a grid."""
    return fragment("storefront/_card.html", item=item)


@register.simple_tag
def cats(shelves: tuple[Shelf, ...], current: str) -> SafeString:
    """The header's categories; `current` is the slug of the one that is looked at."""
    return fragment("shopsite/cats.html", shelves=shelves, current=current)


@register.simple_tag
def foot(shop: Frame) -> SafeString:
    """The footer."""
    return fragment(
        "shopsite/footer.html", shelves=shop.shelves, name=shop.name, currency_name=shop.currency_name
    )


@register.simple_tag
def pic(path: str, more: str = "", *, alt: str = "", size: int = 128, lazy: bool = False) -> SafeString:
    """A picture on its shadow, to be put on a plate; only the shadow where there is no picture.

    path: below static/. more: further classes. size: of both sides, in pixels.
    """
    image = (
        format_html(
            '<img src="{}" width="{}" height="{}" alt="{}"{}>',
            static(path),
            size,
            size,
            alt,
            mark_safe(' loading="lazy"' if lazy else ""),
        )
        if path
        else ""
    )
    return format_html('<span class="pic {}">{}</span>', more, image)


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """€1,199.00: the sign, or the code and a space where there is none; two decimals; empty for None."""
    if amount is None:
        return ""
    code = currency or settings.SHOP_CURRENCY
    return f"{_SIGNS.get(code, f'{code} ')}{amount.quantize(_CENT, ROUND_HALF_UP):,.2f}"


@register.filter
def about(amount: Decimal) -> str:
    """€50, where money() says €50.00: a limit in a sentence, not a price."""
    return money(amount).removesuffix(".00")


@register.filter
def day(moment: datetime | None) -> str:
    """Mon 23 Nov, in the shop's own time."""
    return date_format(timezone.localtime(moment), "D j M") if moment else ""


@register.filter
def clock(moment: datetime | None) -> str:
    """10:02, in the shop's own time."""
    return date_format(timezone.localtime(moment), "H:i") if moment else ""


@register.filter
def card_number(digits: str) -> str:
    """4242 4242 4242 4242: in groups of four, as on the card."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


@register.filter
def in_words(count: int) -> str:
    """Three: a small number at the start of a sentence."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    return words[count] if count < len(words) else str(count)
