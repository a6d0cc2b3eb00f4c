"""Parts of pages that look the same until what they show is another. templatetags/shop.py -> here.

What a fragment shows is its key: a product's price and stock are part of the product's card. So nothing
that is kept can be out of date, and twenty cards cost as much as one.
"""

from collections.abc import Hashable
from functools import lru_cache

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

KEPT = 4096  # fragments of 1 to 8 kB in each process


def fragment(template: str, **facts: Hashable) -> SafeString:
    """The template with these facts; rendered once for as long as they are the same."""
    render = _render if settings.DEBUG else _kept  # templates change while one works on them
    return render(template, tuple(facts.items()))


def _render(template: str, facts: tuple[tuple[str, Hashable], ...]) -> SafeString:
    return mark_safe(render_to_string(template, dict(facts)))


_kept = lru_cache(maxsize=KEPT)(_render)
