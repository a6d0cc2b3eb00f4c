"""What the benchmark of aggregates reads: made-up clicks, written into topics of its own. -> aggregate.py"""

import json
import os
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

PARTITIONS = 2
SECONDS = 300  # of the recording: 2,000 events a second
Maker = Callable[[random.Random, datetime], dict[str, Any]]


def narrow_click(chosen: random.Random, at: datetime) -> dict[str, Any]:
    """A click of 165 bytes."""
    return {
        "user_id": f"u{chosen.randrange(50_000):05}",
        "product_id": f"SF-{int(chosen.paretovariate(0.8)) % 1000:04}",
        "timestamp": at.isoformat(timespec="microseconds"),
        "type": "view_item",
        "event_id": f"{chosen.getrandbits(128):032x}",
    }


def whole_click(chosen: random.Random, at: datetime) -> dict[str, Any]:
    """A click with nearly all that the storefront tells of one, of 315 bytes on average."""
    click = narrow_click(chosen, at)
    here = f"/p/{click['product_id']}/"
    click["type"] = chosen.choices(
        ["view_item", "page_view", "view_item_list", "search", "add_to_cart", "view_cart", "begin_checkout"],
        [55, 15, 12, 6, 6, 4, 2],
    )[0]
    click |= {
        "session_id": f"s{click['user_id']}-{chosen.randrange(3)}",
        "path": here,
        "referrer": chosen.choice(
            (
                *("http://127.0.0.1:8000/", f"http://127.0.0.1:8000/p/SF-{chosen.randrange(300):04}/"),
                *("https://www.google.com/", f"https://site{chosen.randrange(200)}.example/"),
            )
        ),
        "campaign": chosen.choice([None, None, None, "spring", "newsletter"]),
        "device": chosen.choice(["phone", "desktop", "tablet"]),
        "country": chosen.choice(["GB", "DE", "FR", "US", "NL", "SE"]),
        "search": f"word {chosen.randrange(400)}" if click["type"] == "search" else None,
        "site": "127.0.0.1",
        "bot": chosen.random() < 0.02,
    }
    return {name: value for name, value in click.items() if value is not None}


def make_topics(prefix: str) -> None:
    """Every topic of the table, under a prefix."""
    from django.conf import settings

    from shopsite.events.kafka import make_admin
    from shopsite.events.topics import ensure_topics

    settings.TOPIC_PREFIX = prefix
    settings.CLICK_PARTITIONS = settings.ORDER_PARTITIONS = settings.INVENTORY_PARTITIONS = PARTITIONS
    admin = make_admin()
    ensure_topics(admin)
    admin.close()


def fill(prefix: str, make: Maker, events: int, hours_ago: float) -> None:
    """Write a recording that ended so long ago into the clicks' partitions, in order of time."""
    from confluent_kafka import Producer

    make_topics(prefix)
    chosen, since = random.Random(6), datetime.now(UTC) - timedelta(hours=hours_ago, seconds=SECONDS + 60)
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "compression.type": "lz4", "linger.ms": 20})
    size = 0
    for number in range(events):
        click = make(chosen, since + timedelta(seconds=number / events * SECONDS))
        value = json.dumps(click, separators=(",", ":"))
        size += len(value)
        partition = zlib.crc32(click["product_id"].encode()) % PARTITIONS
        producer.produce(f"{prefix}clicks", value, click["product_id"], partition)
        if not number % 5_000:
            producer.poll(0)
    producer.flush()
    print(f"{events:,} events of {size / events:.0f} bytes on average are in {prefix}clicks")
