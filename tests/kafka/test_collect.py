"""/collect, asked as a server asks it: what it says, and what is in Kafka afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis as redis_package
from pytest_django.fixtures import Settings

from shopsite.events import clicks as buffered
from shopsite.events import delivery
from shopsite.events.collect import with_collect
from shopsite.events.kafka import close_shared_producer
from tests.support.servers import Cluster, Kafka

pytestmark = pytest.mark.kafka
VIEW = {"user_id": "123", "product_id": "abc", "timestamp": "2024-06-18T12:34:56Z"}
BROWSER = {"user-agent": "Mozilla/5.0 (iPhone) Mobile Safari"}


async def nothing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def shop() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=with_collect(nothing))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        yield client
    close_shared_producer()
    delivery.forget()


def sent(kafka: Kafka) -> list[dict[str, Any]]:
    return [json.loads(message.value() or b"") for message in kafka.read("clicks")]


async def test_202_means_that_kafka_has_it(shop: httpx.AsyncClient, kafka: Kafka) -> None:
    answer = await shop.post("/collect", json=VIEW)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "repeated": False})
    (click,) = sent(kafka)
    assert (click["user_id"], click["product_id"], click.get("type")) == ("123", "abc", None)  # view_item


async def test_an_array_is_taken_whole_or_not_at_all(shop: httpx.AsyncClient, kafka: Kafka) -> None:
    broken = await shop.post("/collect", json=[VIEW, {**VIEW, "type": "purchase"}])
    assert broken.status_code == 400
    assert broken.json()["error"].startswith("event 2: ")
    assert (await shop.post("/collect", json=[VIEW] * 40)).status_code == 202
    assert len(sent(kafka)) == 40


async def test_a_browser_is_known_by_its_cookie_and_its_name(shop: httpx.AsyncClient, kafka: Kafka) -> None:
    headers = {**BROWSER, "origin": "http://shop.example"}
    first = await shop.post("/collect", json={"path": "/x"}, headers=headers)
    await shop.post("/collect", json={"path": "/y"}, headers=headers)
    one, two = sorted(sent(kafka), key=lambda click: str(click["path"]))
    assert first.cookies["visitor"] == one["user_id"] == two["user_id"]
    assert (one["device"], one.get("bot"), one["product_id"]) == ("phone", None, None)


async def test_a_batch_that_is_sent_again_counts_once(
    shop: httpx.AsyncClient, kafka: Kafka, redis: redis_package.Redis
) -> None:
    answers = [await shop.post("/collect?batch=b1", json=[VIEW, VIEW]) for _ in range(2)]
    answers.append(await shop.post("/collect", json=VIEW, headers={"x-batch-id": "b2"}))
    assert [answer.json()["repeated"] for answer in answers] == [False, True, False]
    assert len(sent(kafka)) == 3


async def test_only_sites_that_are_named_may_send_from_their_pages(
    shop: httpx.AsyncClient, kafka: Kafka, settings: Settings
) -> None:
    settings.COLLECT_ORIGINS = ["https://friend.example"]
    friend, other = ({"origin": f"https://{name}.example"} for name in ("friend", "other"))
    allowed = await shop.post("/collect", json=VIEW, headers=friend)
    preflight = await shop.options("/collect", headers=friend)
    assert allowed.headers["access-control-allow-origin"] == "https://friend.example"
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "POST")
    assert (await shop.post("/collect", json=VIEW, headers=other)).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 5000, 400),
        (b'"text"', 400),
        (b'{"product_id": "a", "user_id": ""}', 400),
        (json.dumps([VIEW] * 501).encode(), 400),
        (b" " * (64 * 1024 + 1), 413),
    ],
)
async def test_what_is_no_event_is_refused(shop: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await shop.post("/collect", content=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


async def test_a_streamed_body_is_cut_off_at_the_limit(shop: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 10_000

    assert (await shop.post("/collect", content=endless())).status_code == 413


async def test_other_methods_and_addresses(shop: httpx.AsyncClient) -> None:
    assert (await shop.get("/collect")).status_code == 405
    assert (await shop.get("/collect/")).status_code == 418
    script = await shop.get("/collect.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert b"/collect" in script.content


async def test_without_kafka_the_answer_is_503_and_when_to_come_back(shop: httpx.AsyncClient) -> None:
    answer = await shop.post("/collect", json=VIEW)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_batch_that_kafka_took_late_is_known_when_it_comes_again(
    own_cluster: Cluster,
    shop: httpx.AsyncClient,
    redis: redis_package.Redis,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "ANSWER_SECONDS", 1.0)
    assert (await shop.post("/collect", json=VIEW)).status_code == 202
    await asyncio.to_thread(own_cluster.stop)
    assert (await shop.post("/collect?batch=late", json=VIEW)).status_code == 503
    assert (await shop.post("/collect?batch=late", json=VIEW)).status_code == 503
    await asyncio.to_thread(own_cluster.start)
    async with asyncio.timeout(30):
        while (again := await shop.post("/collect?batch=late", json=VIEW)).status_code == 503:
            await asyncio.sleep(0.1)
    assert again.json() == {"accepted": 1, "repeated": True}
    assert len(sent(Kafka(own_cluster.bootstrap, settings.TOPIC_PREFIX))) == 2


async def test_buffered_it_answers_at_once_and_sends_afterwards(
    shop: httpx.AsyncClient, kafka: Kafka, settings: Settings
) -> None:
    settings.COLLECT_WAITS = False
    assert (await shop.post("/collect", json=VIEW)).status_code == 202
    assert await asyncio.to_thread(buffered.flush, 10)
    assert len(sent(kafka)) == 1
    await asyncio.to_thread(buffered.close)
