"""Who comes to the shop, from where and with what. A random -> here -> visits.py."""

from dataclasses import dataclass
from hashlib import md5
from random import Random
from typing import TypeVar

from shopsite.events.referrers import source_of
from shopsite.fulfilment import Buyer

T = TypeVar("T")
REGULARS = 3_000  # people who come again and again
REGULAR = 0.35  # of all visits


@dataclass(frozen=True)
class Source:
    """Where a visit comes from."""

    weight: int
    referrer: str | None
    campaign: str | None
    landing: str  # home, shelf, product or search
    zeal: float = 1.0  # how much likelier than others they buy


SOURCES = (
    Source(26, None, None, "home"),
    Source(5, None, None, "product", 1.3),
    Source(9, None, "newsletter", "shelf", 1.6),
    Source(17, "https://www.google.com/", None, "product"),
    Source(6, "https://www.google.com/", "brand-search", "home", 1.4),
    Source(3, "https://duckduckgo.com/", None, "product"),
    Source(3, "https://www.bing.com/", None, "shelf"),
    Source(8, "https://l.instagram.com/", "stories", "product", 0.5),
    Source(4, "https://www.pinterest.com/", None, "product", 0.6),
    Source(4, "https://www.tiktok.com/", "creators", "home", 0.4),
    Source(8, "https://www.idealo.de/", None, "product", 1.8),
    Source(4, "https://geizhals.eu/", None, "product", 1.7),
    Source(3, "https://blog.example.org/", None, "search"),
)
DEVICES = {"phone": 58, "desktop": 36, "tablet": 6}
AT_A_DESK = 1.5  # people with a keyboard buy more
COUNTRIES = {"DE": 52, "AT": 12, "CH": 9, "NL": 8, "FR": 6, "BE": 4, "GB": 4, "PL": 3, "IT": 2}
CITIES = {
    "DE": ("Berlin", "10115"),
    "AT": ("Wien", "1010"),
    "CH": ("Zürich", "8001"),
    "NL": ("Utrecht", "3511"),
    "FR": ("Lyon", "69001"),
    "BE": ("Gent", "9000"),
    "GB": ("Leeds", "LS1 4DY"),
    "PL": ("Kraków", "31-001"),
    "IT": ("Torino", "10121"),
}
FIRST = ("Ada", "Ben", "Clara", "Deniz", "Emil", "Frida", "Goran", "Hanna", "Ines", "Jonas", "Kaya", "Lena")
LAST = ("Adler", "Brandt", "Costa", "Dvořák", "Ebner", "Fischer", "Graf", "Haas", "Ilić", "Jansen", "Keller")
STREETS = ("Lindenweg", "Marktgasse", "Am Hafen", "Kastanienallee", "Rue Neuve", "Mill Lane")


@dataclass(frozen=True)
class Person:
    """A visitor on one visit."""

    user_id: str
    session_id: str
    device: str
    country: str
    source: Source
    zeal: float
    returning: bool  # has been here on an earlier day
    bot: bool = False


def person(random: Random, *, seed: int, run: str, number: int, source: Source | None = None) -> Person:
    """Who makes a visit. run, number: name the visit, so that no two visits are one session."""
    regular = random.random() < REGULAR
    name = f"{seed}/regular/{random.randrange(REGULARS)}" if regular else f"{seed}/{run}/{number}"
    own = Random(name)  # regulars keep their device and country
    device, country = _weighted(own, DEVICES), _weighted(own, COUNTRIES)
    came_from = source or random.choices(SOURCES, weights=[each.weight for each in SOURCES])[0]
    zeal = came_from.zeal * (AT_A_DESK if device == "desktop" else 1.0) * (1.3 if regular else 1.0)
    return Person(
        user_id=_hex(name),
        session_id=_hex(f"{seed}/{run}/{number}/session"),
        device=device,
        country=country,
        source=came_from,
        zeal=zeal,
        returning=regular,
    )


def buyer(someone: Person) -> Buyer:
    """What a person types at the checkout: the same for the same visitor."""
    random = Random(someone.user_id)
    first, last = random.choice(FIRST), random.choice(LAST)
    city, postcode = CITIES[someone.country]
    return Buyer(
        user_id=someone.user_id,
        session_id=someone.session_id,
        email=f"shopper-{someone.user_id[:8]}@example.com",
        name=f"{first} {last}",
        street=f"{random.choice(STREETS)} {random.randrange(1, 120)}",
        city=city,
        postcode=postcode,
        country=someone.country,
        device=someone.device,
        sent_by=source_of(someone.source.referrer or "") or "",
    )


def crawler(seed: int, run: str, number: int) -> Person:
    """A search engine's robot."""
    return Person(
        user_id=_hex(f"{seed}/crawler"),
        session_id=_hex(f"{seed}/{run}/crawler/{number}"),
        device="desktop",
        country="US",
        source=Source(1, None, None, "home"),
        zeal=0.0,
        returning=True,
        bot=True,
    )


def _weighted(random: Random, table: dict[str, int]) -> str:
    return random.choices(list(table), weights=list(table.values()))[0]


def _hex(name: str) -> str:
    """An id that looks like those that the storefront hands out."""
    return md5(name.encode(), usedforsecurity=False).hexdigest()
