"""A checkout as a browser does it: the form is sent, and the order's page is asked until it says paid."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 30.0


def delays(origin: str, skus: list[str], shoppers: int, checkouts: int) -> list[float]:
    """Milliseconds from sending the form until the order's page says paid, of each checkout."""
    with ThreadPoolExecutor(shoppers) as pool:
        parts = pool.map(lambda number: _shop(origin, skus[number % len(skus)], checkouts), range(shoppers))
        return sorted(delay for part in parts for delay in part)


def _shop(origin: str, sku: str, checkouts: int) -> list[float]:
    """One shopper, who buys again and again; the first time loads what is loaded late and is not counted."""
    from tests.support.shopper import Shopper

    found = []
    with Shopper(origin) as shopper:
        for _ in range(checkouts + 1):
            shopper.add(sku)
            found.append(_check_out(shopper.http))
    return found[1:]


def _check_out(http: httpx.Client) -> float:
    """As the page's script does: the status is asked, and the page is read once more when it has changed."""
    from tests.support.shop import APPROVED
    from tests.support.shopper import hidden
    from tests.support.storefront import ADDRESS

    card = {"card": "typed", "card_number": APPROVED, "card_until": "12 / 39", "card_code": "123"}
    form = ADDRESS | hidden(http.get("/checkout/").text) | card
    begun = time.perf_counter()
    page = http.post("/checkout/", data=form).raise_for_status().url.path
    deadline = begun + GIVE_UP_SECONDS
    while (status := http.get(f"{page}status").json()["status"]) != "paid":
        if time.perf_counter() > deadline:
            raise SystemExit(f"{page} is {status}, not paid, after {GIVE_UP_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    http.get(page, headers={"X-Look-Again": "1"}).raise_for_status()
    return (time.perf_counter() - begun) * 1000
