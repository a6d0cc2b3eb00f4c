"""Every topic that a command needs, in one table; `manage.py topics create` makes them from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

DAY_MS: Final = 86_400_000
DEAD: Final = ".dlq"  # what a dead-letter topic's name ends with


@dataclass(frozen=True)
class Topic:
    """One topic. Names here are logical: settings.TOPIC_PREFIX comes before them in Kafka."""

    name: str
    key: str  # the field that a message is keyed, and so ordered, by
    partitions_setting: str  # where the number of partitions comes from; "" means one
    about: str
    retention_setting: str = ""  # days; "" keeps the topic for ever
    max_message_bytes: int = 1_048_588  # Kafka's own default

    @property
    def partitions(self) -> int:
        """How many partitions a new topic gets."""
        return int(getattr(settings, self.partitions_setting)) if self.partitions_setting else 1

    @property
    def retention_ms(self) -> int:
        """How long Kafka keeps a message; -1 for ever."""
        return int(getattr(settings, self.retention_setting)) * DAY_MS if self.retention_setting else -1


def _with_dead_letters(*topics: Topic) -> dict[str, Topic]:
    """The topics, and for each one the topic of what could not be read from it."""
    table = {topic.name: topic for topic in topics}
    for topic in topics:
        name = topic.name + DEAD
        # twice the size: a message as large as Kafka takes must still fit with its reason
        table[name] = Topic(name, topic.key, "", f"what {topic.name} had that cannot be read", "", 2_097_176)
    return table


TOPICS: Final[Mapping[str, Topic]] = _with_dead_letters(
    Topic("clicks", "user_id", "CLICK_PARTITIONS", "what shoppers do in browsers", "CLICK_RETENTION_DAYS"),
    Topic("orders", "order_id", "ORDER_PARTITIONS", "orders placed, and each step they took"),
    Topic("inventory", "product_id", "INVENTORY_PARTITIONS", "changes of stock"),
)


def topic_name(logical: str) -> str:
    """The topic's name in Kafka. Raises KeyError for one that is not in the table."""
    return str(settings.TOPIC_PREFIX) + TOPICS[logical].name


def logical_name(name: str) -> str:
    """The table's name of a topic in Kafka."""
    return name.removeprefix(settings.TOPIC_PREFIX)


def ensure_topics(admin: KafkaAdminClient) -> list[str]:
    """Make the topics that are missing; returns their logical names.

    An existing topic is left as it is: more partitions would send a key's next events elsewhere.
    """
    there = set(admin.list_topics())
    missing = [topic for topic in TOPICS.values() if topic_name(topic.name) not in there]
    if missing:
        try:
            admin.create_topics([_new_topic(topic) for topic in missing])
        except TopicAlreadyExistsError:
            # another process made some at the same moment: only what is still missing is ours
            return ensure_topics(admin)
    return [topic.name for topic in missing]


def _new_topic(topic: Topic) -> NewTopic:
    copies = settings.REPLICATION_FACTOR
    return NewTopic(
        topic_name(topic.name),
        num_partitions=topic.partitions,
        replication_factor=copies,
        topic_configs={
            "retention.ms": str(topic.retention_ms),
            "retention.bytes": "-1",
            "cleanup.policy": "delete",
            "max.message.bytes": str(topic.max_message_bytes),
            # a majority: one broker of three may die without a message lost or a shop closed
            "min.insync.replicas": str(copies // 2 + 1 if copies > 2 else 1),
        },
    )
