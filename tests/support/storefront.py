"""A shopper for tests: a browser without a script, and what its pages told. tests/flows -> here."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from shopsite.events.schemas import Click
from tests.support.shop import APPROVED

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
ADDRESS = {
    "who": "guest",
    "email": "ada@example.org",
    "name": "Ada Morgenstern",
    "street": "Lindenweg 12",
    "more": "",
    "postcode": "10999",
    "city": "Berlin",
    "country": "DE",
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Click]:
    """Every click that is told in this test, in order, instead of Kafka."""
    clicks: list[Click] = []
    monkeypatch.setattr("shopsite.events.clicks.emit", clicks.append)
    return clicks


class Shopper(Client):
    """Django's test client with an ordinary browser's name, and the shop's forms."""

    def __init__(self, **headers: str) -> None:
        super().__init__(headers={"User-Agent": AGENT, **headers})

    def read(self, address: str) -> str:
        """The page at an address, which must be there."""
        answer = self.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        return answer.content.decode()

    def add(self, sku: str, quantity: int = 1) -> None:
        """Put something into the cart."""
        assert self.post("/cart/add", {"sku": sku, "quantity": str(quantity)}).status_code == 302

    def form(self) -> dict[str, str]:
        """What the checkout's hidden fields hold."""
        page = self.read("/checkout/")
        return {name: hidden(page, name) for name in ("token", "total")}

    def fill(self, card: str = APPROVED, **typed: str) -> dict[str, str]:
        """The whole checkout form, as it would be sent now."""
        return {**self.form(), **ADDRESS, "card": card, **typed}

    def buy(self, card: str = APPROVED, **typed: str) -> str:
        """Order what is in the cart; returns the address of the order's page."""
        answer = self.post("/checkout/", self.fill(card, **typed))
        assert answer.status_code == 302, answer.content.decode()
        return answer.headers["Location"]

    @property
    def visitor(self) -> str:
        """The id that its cookie holds."""
        return self.cookies["visitor"].value


@pytest.fixture
def shopper(told: list[Click]) -> Shopper:
    """Somebody without a cookie, before the shop remembers anything."""
    cache.clear()
    return Shopper()


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"no hidden field {name}"
    return found[1]


def order_id(address: str) -> str:
    """The number in the address of an order's page."""
    return address.strip("/").rpartition("/")[2]
