"""Words and links that pages of the admin share. */admin.py -> here."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

EACH = 50  # rows that are named one by one: a page of a list


def link(address: str, text: str) -> SafeString:
    """A link in a list or form; both are escaped."""
    return format_html('<a href="{}">{}</a>', address, text)


def moment(at: datetime) -> str:
    """A time on the shop's clock, as every page of the admin writes it: shopsite/formats."""
    return date_format(localtime(at), "DATETIME_FORMAT")


def told(done: Sequence[str], refused: Sequence[str], what: str) -> list[tuple[bool, str]]:
    """(went well, sentence) for each thing to say about an action on several rows."""
    said = [(True, f"{len(done)} {what}: {', '.join(done[:EACH])}{_more(done)}.")] if done else []
    said += [(False, reason) for reason in refused[:EACH]]
    if len(refused) > EACH:
        said.append((False, f"{len(refused) - EACH} more were refused."))
    return said


def _more(rows: Sequence[str]) -> str:
    return f" and {len(rows) - EACH} more" if len(rows) > EACH else ""
