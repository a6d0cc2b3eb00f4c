"""Somebody who uses the shop over HTTP, as a browser without scripts does."""

import re
from types import TracebackType

import httpx

from tests.support.shop import APPROVED
from tests.support.storefront import ADDRESS, AGENT

HIDDEN = re.compile(r'<input\s+type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"')


class Shopper:
    """One browser: cookies are kept, forms are sent with what they carry."""

    def __init__(self, site: str) -> None:
        self.http = httpx.Client(
            base_url=site, headers={"User-Agent": AGENT}, follow_redirects=True, timeout=10
        )

    def __enter__(self) -> "Shopper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def look_at(self, sku: str) -> str:
        """Open a product's page; returns its HTML."""
        return self._page(self.http.get(f"/p/{sku}/"))

    def add(self, sku: str, quantity: int = 1) -> None:
        """Put a product into the cart, by its page's form."""
        fields = hidden(self.look_at(sku)) | {"sku": sku, "quantity": str(quantity)}
        self._page(self.http.post("/cart/add", data=fields))

    def check_out(self, *, email: str = "ada@example.org", card: str = APPROVED) -> str:
        """Order what is in the cart; returns the order's id."""
        form = hidden(self._page(self.http.get("/checkout/")))
        typed = {"card": "typed", "card_number": card, "card_until": "12 / 39", "card_code": "123"}
        answer = self.http.post("/checkout/", data=ADDRESS | form | typed | {"email": email})
        self._page(answer)
        faults = re.findall(r'class="wrong"[^>]*>(.*?)</p>|note-list">(.*?)</ul>', answer.text, re.DOTALL)
        assert answer.url.path.startswith("/orders/"), f"no order, but {answer.url.path}: {faults}"
        return answer.url.path.split("/")[2]

    def _page(self, answer: httpx.Response) -> str:
        assert answer.is_success, f"{answer.url}: {answer.status_code}"
        return answer.text


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page; of several forms, the first that has the field."""
    found: dict[str, str] = {}
    for name, value in HIDDEN.findall(page):
        found.setdefault(name, value)
    return found
