"""The fixtures that every other test stands on."""

import pytest
from django.conf import settings
from redis import Redis

from tests.support.servers import Kafka

pytestmark = pytest.mark.kafka


def test_a_message_that_was_sent_is_read_back(kafka: Kafka) -> None:
    kafka.send("clicks", b'{"user_id": "1"}', key="1", headers=[("trace", b"t")])
    (message,) = kafka.read("clicks")
    assert (message.key(), message.value()) == (b"1", b'{"user_id": "1"}')
    assert message.headers() == [("trace", b"t")]


def test_the_next_test_does_not_see_it(kafka: Kafka) -> None:
    assert kafka.read("clicks") == []


def test_redis_keys_have_a_prefix_of_their_own(redis: Redis) -> None:
    redis.set(f"{settings.REDIS_PREFIX}mark", 1)
    assert settings.REDIS_PREFIX.startswith("test-")
    assert redis.keys(f"{settings.REDIS_PREFIX}*") == [f"{settings.REDIS_PREFIX}mark".encode()]
