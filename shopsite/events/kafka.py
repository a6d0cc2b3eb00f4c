"""Kafka clients made so that they survive outages. settings -> here -> relay, consume, clicks, aggregate.

kafka-python's defaults lose time, memory or messages in ways that were reproduced; each option below
that is not a matter of course says which. Clients are made lazily, never at import or before a fork.
"""

import atexit
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.conf import settings
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError, KafkaTimeoutError

from shopsite.events.lean import read_lean
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import topic_name

log = logging.getLogger(__name__)

CONSUMER_SESSION_MS: Final = 6_000  # a killed consumer's partitions lie still that long; 45 s by default
PATIENCE_MS: Final = 86_400_000  # a batch that expires wedges the idempotent producer for ever
CONNECT_MS: Final = 3_000

_shared: dict[tuple[int, str], KafkaProducer] = {}  # by process and servers


def make_producer(**over: Any) -> KafkaProducer:
    """A new producer: acknowledged by all in-sync replicas, in order, without duplicates of its own.

    Its buffer has no bound, so whoever sends must cap what is in flight.
    Raises Unavailable where no broker answers within CONNECT_MS.
    """
    options = {
        **_common(),
        "acks": "all",
        "enable_idempotence": True,
        "delivery_timeout_ms": PATIENCE_MS,
        "request_timeout_ms": 10_000,
        "linger_ms": 5,
        "batch_size": 65_536,
        "max_block_ms": 5_000,
        "max_request_size": 2_000_000,  # a dead letter is as large as its message and the reason
        "compression_type": "lz4",
    }
    return _made(KafkaProducer, options | over)


def shared_producer() -> KafkaProducer:
    """The process's own producer, made at the first call and closed at exit. Blocks; raises Unavailable.

    After a fork the child gets one of its own: the parent's would never send.
    """
    place = (os.getpid(), ",".join(settings.KAFKA_BOOTSTRAP_SERVERS))
    producer = _shared.get(place)
    if producer is None:
        producer = _shared[place] = make_producer()
        atexit.unregister(close_shared_producer)
        atexit.register(close_shared_producer)
    return producer


def close_shared_producer(timeout: float = 5.0) -> None:
    """Flush and close the process's own producer, where there is one."""
    for place in [place for place in _shared if place[0] == os.getpid()]:
        close_quietly(_shared.pop(place), timeout)


def make_consumer(
    *topics: str,
    group: str | None,
    listener: ConsumerRebalanceListener | None = None,
    lean: bool = False,
    **over: Any,
) -> KafkaConsumer:
    """A new consumer of the named (logical) topics; without topics, assign() partitions by hand.

    It never commits by itself, and begins at the log's start where nothing is stored.
    lean: its poll() gives LeanRecords, where kafka-python is the version that they were compared with.
    Raises Unavailable where no broker answers within CONNECT_MS.
    """
    options = {
        **_common(),
        "group_id": f"{settings.TOPIC_PREFIX}{group}" if group else None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "session_timeout_ms": CONSUMER_SESSION_MS,
        "heartbeat_interval_ms": 2_000,
        "max_poll_records": 500,
        "fetch_max_wait_ms": 200,
        "request_timeout_ms": 15_000,
    }
    consumer = _made(KafkaConsumer, options | over)
    if lean:
        read_lean(consumer)
    if topics:
        _know_topics(consumer)
        consumer.subscribe([topic_name(topic) for topic in topics], listener=listener)
        _know_topics(consumer)  # of its subscription, too: else it joins a second time at once
    return consumer


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Whether a consumer's assignment stands, and what to forget when it was taken away.

    Between a revocation and the next assignment nothing but poll() may be called: any other call that
    waits for Kafka (offsets, positions) completes the join unseen, and then the consumer neither reads
    nor beats ever again (3.0.12, reproduced).
    """

    def __init__(self, forget: Callable[[Iterable[TopicPartition]], object]) -> None:
        self._forget = forget
        self.is_settled = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others may read these now; should they come back, they may have moved on."""
        self.is_settled = False
        self._forget(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """The same: others have had them for a while."""
        self.on_partitions_revoked(lost)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - Kafka's
        """Seeking is left to the step after the poll, where it may take its time."""
        self.is_settled = True


def _know_topics(consumer: KafkaConsumer) -> None:
    """Have the consumer learn all topics before it joins a group.

    Otherwise its first question about them can be lost in the one that it asks while it connects: then
    it is the group's leader, assigns no partition, and looks again after metadata_max_age (3.0.12).
    """
    try:
        consumer.topics()
    except KafkaError as error:
        close_quietly(consumer)
        raise Unavailable(f"Kafka does not name its topics: {error}") from error


def make_admin(**over: Any) -> KafkaAdminClient:
    """A new admin client. Raises Unavailable where no broker answers within CONNECT_MS."""
    options = {**_common(), "request_timeout_ms": 15_000}
    options.pop("allow_auto_create_topics")
    return _made(KafkaAdminClient, options | over)


def close_quietly(client: KafkaConsumer | KafkaProducer | KafkaAdminClient, timeout: float = 1.0) -> None:
    """Close a client that may be broken, within about the timeout (seconds); what it complains of is logged.

    What a producer could not send by then is given up: its futures fail.
    """
    try:
        if isinstance(client, KafkaConsumer):
            client.close(autocommit=False, timeout_ms=int(timeout * 1000))
        elif isinstance(client, KafkaProducer):
            _close_producer(client, timeout)
        else:
            client.close()
    except (KafkaError, OSError, ValueError) as error:
        log.info("closing a Kafka client: %s: %s", type(error).__name__, error)


def _close_producer(producer: KafkaProducer, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    try:
        producer.flush(timeout)
    except KafkaTimeoutError:
        # close() would flush again, raise, and leave its thread sending for ever (3.0.12)
        producer._sender.force_close()
        producer._sender.join(1.0)
    producer.close(timeout=max(0.1, deadline - time.monotonic()))


def _common() -> dict[str, Any]:
    return {
        "bootstrap_servers": list(settings.KAFKA_BOOTSTRAP_SERVERS),
        "client_id": f"shopsite-{socket.gethostname()}-{os.getpid()}",
        "bootstrap_timeout_ms": CONNECT_MS,  # the constructor blocks that long, 30 s by default
        "reconnect_backoff_max_ms": 1_000,  # 30 s by default: so long nothing moves after an outage
        "allow_auto_create_topics": False,  # only what the table of topics declares
        "metadata_max_age_ms": 60_000,
    }


def _made(kind: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - one of three classes
    try:
        _knock()  # a constructor that fails leaves its sockets open, and takes its time (3.0.12)
        return kind(**options)
    except (KafkaError, OSError) as error:
        servers = ", ".join(settings.KAFKA_BOOTSTRAP_SERVERS)
        raise Unavailable(f"Kafka at {servers} does not answer ({type(error).__name__}: {error})") from error


def _knock() -> None:
    """Raises OSError where no broker accepts a connection."""
    problem = OSError("no bootstrap server is set")
    for server in settings.KAFKA_BOOTSTRAP_SERVERS:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_MS / 1000).close()
        except (OSError, ValueError) as error:
            problem = OSError(f"{server}: {error}")
        else:
            return
    raise problem
