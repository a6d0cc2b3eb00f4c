"""Somebody who uses the shop over HTTP, as a browser without scripts does."""

import re
from types import TracebackType

import httpx

from tests.support.shop import APPROVED

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"  # httpx's own is a bot's
ADDRESS = {
    "who": "guest",
    "name": "Ada Morgenstern",
    "street": "Lindenweg 12",
    "postcode": "10999",
    "city": "Berlin",
    "country": "DE",
}


class Shopper:
    """One browser: cookies are kept, forms are sent with what they carry."""

    def __init__(self, site: str) -> None:
        self.http = httpx.Client(
            base_url=site, headers={"User-Agent": FIREFOX}, follow_redirects=True, timeout=10
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
        self._page(self.http.post("/cart/add/", data=fields))

    def check_out(self, *, email: str = "ada@example.org", card: str = APPROVED) -> str:
        """Order what is in the cart; returns the order's id."""
        form = hidden(self._page(self.http.get("/checkout/")))
        answer = self.http.post("/checkout/", data=ADDRESS | form | {"email": email, "card": card})
        self._page(answer)
        assert answer.url.path.startswith("/orders/"), f"no order, but {answer.url.path}: {answer.text}"
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
