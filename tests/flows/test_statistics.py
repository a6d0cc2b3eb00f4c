"""What single statistics count, from messages to Redis."""

from redis import Redis

from dashboards.counting.store import count_union, sum_hashes
from dashboards.keys import STEP, bucket, first_keys
from tests.support.aggregates import NOW, click, log_of, numbered, paid, writer_of


def day_of(fold: str, tp: str = "clicks-0") -> str:
    return first_keys().bucket(tp, "d", bucket(NOW, "d"), fold)


def test_new_and_returning_people_are_told_apart_by_what_their_browser_says(redis: Redis) -> None:
    log_of(
        "clicks-0",
        [
            click("ada", returning=False),
            click("ada", returning=False),
            click("ben", returning=True),
            click("eve"),
            click("robot", returning=True, bot=True),
        ],
    ).fold(writer_of(redis))

    counted = [
        count_union(redis, [[day_of(fold)]]) for fold in ("visitors", "visitors.new", "visitors.returning")
    ]

    assert counted == [3, 1, 1]


def test_a_category_is_counted_by_what_happened_on_it(redis: Redis) -> None:
    log_of(
        "clicks-0",
        [
            click(category="tea", type="view_item_list"),
            click(category="tea"),
            click(category="tea", type="add_to_cart"),
            click(category="tea", type="remove_from_cart"),
            click(),
        ],
    ).fold(writer_of(redis))
    assert sum_hashes(redis, [[day_of("categories")]]) == [{"l|tea": 1, "v|tea": 1, "c|tea": 1}]


def test_only_searches_that_say_they_found_nothing_are_in_vain(redis: Redis) -> None:
    log_of(
        "clicks-0",
        [
            click(type="search", search="Hoodie ", results=0),
            click(type="search", search="hoodie", results=0),
            click(type="search", search="mug", results=4),
            click(type="search", search="tea"),
            click(type="page_view", search="cup", results=0),
        ],
    ).fold(writer_of(redis))
    assert sum_hashes(redis, [[day_of("empty_searches")]]) == [{"hoodie": 2}]
    assert sum_hashes(redis, [[day_of("searches")]]) == [{"hoodie": 2, "mug": 1, "tea": 1}]


def test_pairs_are_orders_with_both_products_whatever_their_order(redis: Redis) -> None:
    def order(number: str, *skus: str) -> dict[str, object]:
        return paid(number, "9", lines=[{"product_id": sku, "quantity": 3} for sku in skus])

    numbered("orders-0", [order("1", "B", "A"), order("2", "A", "B", "A"), order("3", "C")]).fold(
        writer_of(redis)
    )

    found = sum_hashes(redis, [[day_of("pairs", "orders-0")]])
    assert found == [{"o|A": 2, "o|B": 2, "o|C": 1, f"p|A{STEP}B": 2}]


def test_filters_know_what_each_country_device_and_source_did(redis: Redis) -> None:
    german = {"country": "DE", "device": "phone", "source": "idealo.de"}
    log_of(
        "clicks-0",
        [
            click(**german),
            click(type="add_to_cart", **german),
            click(type="page_view", **german),
            click(country="AT", referrer="https://www.bing.com/"),
            click(bot=True, **german),
        ],
    ).fold(writer_of(redis))
    orders = [paid("1", "12.5", **german), paid("2", "9")]
    numbered("orders-0", orders).fold(writer_of(redis))
    phone = {"dv|phone": 1, "da|phone": 1}
    idealo = {"sv|idealo.de": 1, "sa|idealo.de": 1, "se|idealo.de": 3}
    bing = {"sv|bing.com": 1, "se|bing.com": 1}
    assert sum_hashes(redis, [[day_of("slices")]]) == [
        {"cv|DE": 1, "ca|DE": 1, "cv|AT": 1, **phone, **idealo, **bing}
    ]
    [sold] = sum_hashes(redis, [[day_of("slices", "orders-0")]])
    assert {field: sold[field] for field in ("co|DE", "cr|GBP|DE", "so|idealo.de", "dr|GBP|phone")} == {
        "co|DE": 1,
        "cr|GBP|DE": 12_500_000,
        "so|idealo.de": 1,
        "dr|GBP|phone": 12_500_000,
    }
    [bots] = sum_hashes(redis, [[day_of("bot_slices")]])
    assert bots == {"c|DE": 1, "d|phone": 1, "s|idealo.de": 1, "p|p1": 1}
