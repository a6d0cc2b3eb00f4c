"""What staff may say of a parcel. The ship form -> here -> fulfilment, templates."""

from urllib.parse import urlsplit

SCHEMES = ("http", "https")


def is_web_address(text: str) -> bool:
    """Whether it may become a link: http or https with a host, and nothing that a page would run."""
    if not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in SCHEMES and bool(parts.hostname)
    except ValueError:
        return False
