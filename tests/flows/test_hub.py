"""The hub: one subscription, one frame for all, and nobody who holds up another. Real Redis, no sockets."""

import asyncio
import threading

import pytest
import redis as redis_package
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.utils.translation import get_language, override

from dashboards.screen.hub import Hub
from dashboards.screen.pace import FASTEST_S
from tests.support.live import an_order_is_paid, clicks_shown, the_aggregate_process_lives, views
from tests.support.shop import product
from tests.support.watching import watching

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis


async def test_a_click_moves_the_number_and_the_chart(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as viewer:
        await viewer.take()
        assert (viewer.shown.now("visitors"), clicks_shown(viewer.shown)) == (0, 0)
        views(redis, "ada", "ben")
        await viewer.until(lambda shown: shown.now("visitors") == 2 and clicks_shown(shown) == 2)


async def test_what_happened_before_is_in_the_snapshot(hub: Hub, redis: Redis) -> None:
    views(redis, "ada", "ben", tp="clicks-0")
    views(redis, "eve", tp="clicks-1")
    an_order_is_paid(redis, "1", "12.50")
    async with watching(hub) as viewer:
        await viewer.take()
        assert viewer.shown.now("visitors") == 3
        assert viewer.shown.now("sales") == 12_500_000
        assert viewer.shown.sections["funnel"]["view_item"] == [3, None]


async def test_only_what_changed_is_sent(hub: Hub, redis: Redis) -> None:
    views(redis, "ada")
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: "funnel" in shown.sections)
        whole = len(viewer.last)
        an_order_is_paid(redis, "1")
        await viewer.until(lambda shown: shown.now("orders") == 1)
        assert '"from":0' not in viewer.last
        assert len(viewer.last) < whole / 2


async def test_all_viewers_get_the_very_same_text(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as one, watching(hub) as other:
        await one.take()
        await other.take()
        assert one.last is other.last


async def test_a_viewer_who_lags_gets_one_merged_frame_and_holds_up_nobody(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as quick, watching(hub) as slow:
        await quick.take()
        await slow.take()
        for number in range(1, 4):
            an_order_is_paid(redis, str(number))
            await quick.until(lambda shown, number=number: shown.now("orders") == number)  # type: ignore[misc]
        await slow.take()
        assert slow.shown.now("orders") == 3
        assert slow.shown.frames == 2
        assert slow.shown.sections["now"] == quick.shown.sections["now"] or slow.shown.seq >= quick.shown.seq


async def test_a_viewer_who_returns_goes_on_from_its_number(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as before:
        await before.take()
        seen = before.shown
    views(redis, "ada")
    async with watching(hub, hub_id=seen.hub, seq=seen.seq) as after:
        after.shown = seen
        await after.until(lambda shown: shown.now("visitors") == 1)
        assert '"from":0' not in after.last


async def test_a_viewer_of_another_hub_gets_a_snapshot(hub: Hub) -> None:
    async with watching(hub, hub_id="another", seq=1) as viewer:
        await viewer.take()
        assert '"from":0' in viewer.last


async def test_frames_come_no_faster_than_their_pace(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as viewer:
        await viewer.take()
        begin, first = asyncio.get_running_loop().time(), viewer.shown.seq
        for number in range(30):
            views(redis, f"user{number}")
            await asyncio.sleep(0)
        await viewer.until(lambda shown: clicks_shown(shown) == 30)
        took = asyncio.get_running_loop().time() - begin
        assert viewer.shown.seq - first <= took / FASTEST_S + 2


async def test_without_viewers_the_hub_holds_nothing(hub: Hub, redis: Redis) -> None:
    assert redis.pubsub_numsub(f"{settings.REDIS_PREFIX}changes")[0][1] == 0
    async with watching(hub) as viewer:
        await viewer.take()
        assert redis.pubsub_numsub(f"{settings.REDIS_PREFIX}changes")[0][1] == 1
    await hub.end()
    assert redis.pubsub_numsub(f"{settings.REDIS_PREFIX}changes")[0][1] == 0


async def test_a_hub_that_expects_a_viewer_has_figures_before_one_comes_and_rests_where_none_does(
    hub: Hub, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.screen.hub.LINGER_S", 5.0)
    views(redis, "ada")
    hub.expect()
    async with asyncio.timeout(20):
        while not hub.present():
            await asyncio.sleep(0.01)
    assert '"visitors":1' in hub.present()
    async with asyncio.timeout(20):
        while hub.present():
            await asyncio.sleep(0.01)


async def test_who_comes_while_a_hub_goes_to_rest_finds_one_that_works(hub: Hub) -> None:
    async with watching(hub) as early:
        await early.until(lambda shown: "status" in shown.sections)
    hub.stop()
    async with watching(hub) as late:
        await late.until(lambda shown: "status" in shown.sections)  # which the hub's thread reads


async def test_a_hub_that_ends_while_it_goes_to_rest_closes_its_connection(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    close = connections.close_all

    def tell_and_close() -> None:
        closed.append(threading.current_thread().name)
        close()

    monkeypatch.setattr(connections, "close_all", tell_and_close)
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: "status" in shown.sections)
    hub.stop()
    await hub.end()
    assert closed == ["live_0"]


async def test_a_hub_whose_job_fails_while_it_is_stopped_stops(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def fail_at_the_end() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise RuntimeError

    monkeypatch.setattr(hub, "_compare", fail_at_the_end)
    hub.expect()
    await begun.wait()
    async with asyncio.timeout(10):
        await hub.end()


async def test_a_hub_has_nothing_of_the_request_that_began_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def look() -> None:
        seen.set_result(get_language() or "")

    monkeypatch.setattr(hub, "_compare", look)
    with override("de"):
        hub.expect()
        assert await seen != "de"


async def test_a_lost_subscription_loses_no_event(hub: Hub, redis: Redis) -> None:
    async with watching(hub) as viewer:
        await viewer.take()
        redis.client_kill_filter(_type="pubsub")
        views(redis, "ada")
        await viewer.until(lambda shown: shown.now("visitors") == 1)


async def test_without_an_aggregate_process_the_page_is_told(redis: Redis) -> None:
    hub = Hub()
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: "stopped" in shown.sections.get("health", {}))
        stopped = viewer.shown.sections["health"]["stopped"]
        assert stopped["command"] == "python manage.py aggregate"
        the_aggregate_process_lives(redis)
        await viewer.until(lambda shown: "stopped" not in shown.sections["health"])
    await hub.end()


async def test_products_have_names_stock_and_time_left(hub: Hub, redis: Redis) -> None:
    await sync_to_async(product)("MUG", stock=30)
    views(redis, "ada", "ben")
    an_order_is_paid(redis, "1")
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: "MUG" in shown.sections.get("names", {}))
        seen, carts, sold, available, left, words = viewer.shown.sections["products"]["MUG"]
        assert (seen, carts, sold) == (2, 0, 1)
        assert available is not None
        assert (left, words) == (None, ""), "by the ledger nothing was sold"


async def test_no_products_are_told_before_their_stock_is_known(hub: Hub, redis: Redis) -> None:
    """Else a page of a busy shop would say that nobody has looked at anything."""
    await sync_to_async(product)("MUG", 7)
    views(redis, "ada")
    async with watching(hub) as viewer:
        told: list[dict[str, list[object]]] = []
        while not told:
            await viewer.take()
            if "products" in viewer.shown.sections:
                told.append(viewer.shown.sections["products"])
        assert told[0]["MUG"][3] == 7


async def test_that_nobody_looked_at_a_product_is_told(hub: Hub) -> None:
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: "products" in shown.sections)
        assert viewer.shown.sections["products"] == {}


async def test_the_last_events_name_people_by_a_hash_only(hub: Hub, redis: Redis) -> None:
    views(redis, "ada-the-visitor")
    async with watching(hub) as viewer:
        await viewer.until(lambda shown: bool(shown.sections.get("feed")))
        assert "ada-the-visitor" not in viewer.last
        (event,) = viewer.shown.sections["feed"].values()
        assert event[1:3] == ["viewed", "MUG"]
