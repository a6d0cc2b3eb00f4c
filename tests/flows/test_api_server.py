"""The API over the real server, and its limits in the real Redis."""

import time
from collections.abc import Iterator

import httpx
import pytest
import redis as redis_package
from pytest_django.fixtures import Settings

from shopsite.api import keys, limits, server
from shopsite.api.models import ApiKey
from tests.support import until
from tests.support.shop import product
from tests.support.site import serving

Redis = redis_package.Redis
RATE = 20  # requests a second, few enough to be used up in a moment
NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _anew() -> None:
    keys.forget()
    limits.forget()


@pytest.fixture
def shop(transactional_db: None, redis: Redis) -> Iterator[httpx.Client]:
    """A program with a key."""
    product("MUG", 5)
    product("a/b", 7)
    headers = {"authorization": f"Bearer {keys.create('reader')}"}
    with serving() as address, httpx.Client(base_url=f"{address}/api/v1", headers=headers) as client:
        yield client


def test_a_program_reads_stock_over_http(shop: httpx.Client) -> None:
    seen = shop.get("/products/MUG/stock")
    assert seen.json() == {"product_id": "MUG", "on_hand": 5, "reserved": 0, "available": 5}
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in seen.headers
    assert shop.get("/products/a%2Fb/stock").json()["product_id"] == "a/b"
    until(lambda: ApiKey.objects.get().last_used_at is not None)


def test_head_has_the_headers_and_no_body(shop: httpx.Client) -> None:
    whole, head = shop.get("/products/MUG/stock"), shop.head("/products/MUG/stock")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]
    again = shop.get("/products/MUG/stock", headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["v1/", "v2/orders", "v1/orders/%00", "v1/orders/nope", "v1/orders?limit=x"])
def test_whatever_goes_wrong_under_api_is_a_problem(shop: httpx.Client, path: str) -> None:
    seen = shop.get(str(shop.base_url).removesuffix("v1/") + path)
    assert seen.status_code in (400, 404)
    assert seen.headers["content-type"] == "application/problem+json"


def test_a_body_that_nobody_asked_for_does_no_harm(shop: httpx.Client) -> None:
    assert shop.request("GET", "/products/MUG/stock", content=b"x" * 200_000).status_code == 200
    assert shop.post("/orders", json={"order_id": "1"}).status_code == 405
    assert shop.get("/products/MUG/stock").status_code == 200


def test_more_at_once_than_can_wait_is_told_to_come_back(
    shop: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_WAITING", 0)
    seen = shop.get("/products/MUG/stock")
    assert (seen.status_code, seen.headers["retry-after"]) == (503, "1")


# --- limits -----------------------------------------------------------------------------------
def requests_of_two_processes() -> tuple[int, float]:
    """(requests that were let through, seconds that it took); a process remembers its own share only."""
    started, allowed = time.monotonic(), 0
    for _ in range(2):
        limits.forget()
        allowed += sum(limits.take("key", RATE).allowed for _ in range(3 * RATE))
    return allowed, time.monotonic() - started


def test_all_processes_share_one_limit(redis: Redis) -> None:
    allowed, took = requests_of_two_processes()
    assert RATE <= allowed <= RATE + RATE * took + 1


def test_without_the_shared_bucket_each_process_gives_the_whole(settings: Settings) -> None:
    settings.REDIS_URL = NO_REDIS
    allowed, _ = requests_of_two_processes()
    assert allowed >= 2 * RATE


def test_a_bucket_fills_again(redis: Redis) -> None:
    while limits.take("key", RATE).allowed:
        pass
    until(lambda: limits.take("key", RATE).allowed)


def test_each_key_has_a_bucket_of_its_own(redis: Redis) -> None:
    while limits.take("one", RATE).allowed:
        pass
    assert limits.take("other", RATE).allowed


def test_a_lost_redis_costs_no_request_and_is_asked_again(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, settings.REDIS_URL = settings.REDIS_URL, NO_REDIS
    assert limits.take("key", RATE).allowed
    settings.REDIS_URL = url
    monkeypatch.setattr(limits, "_quiet_until", 0.0)
    until(lambda: limits.take("key", RATE).allowed and redis.exists(f"{settings.REDIS_PREFIX}limit:key"))
