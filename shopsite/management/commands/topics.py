"""`manage.py topics`: how the topics are, make them, look into one. A door to events/topic_status.py."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from dashboards.counting.store import live_keys, partitions, read_position
from dashboards.keys import split_partition
from shopsite.events.kafka import close_quietly, make_admin, make_consumer
from shopsite.events.loops import stopping
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable
from shopsite.events.topic_status import PartitionStatus, Places, Tailed, as_json, look, tail
from shopsite.events.topics import TOPICS, ensure_topics, topic_name


class Command(BaseCommand):
    """Partitions, leaders, in-sync replicas, offsets and lags of the shop's topics."""

    help = (
        "Show the topics: partitions, leader, in-sync replicas, offsets, and how many messages each "
        "reader is behind. `topics create` makes those that are missing, `topics tail NAME` shows messages. "
        "Ends with 0, with 1 where Kafka does not answer or a topic is missing, with 2 for wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")
        actions = parser.add_subparsers(dest="action", metavar="create | tail")
        create = actions.add_parser("create", help="make the topics that are missing")
        create.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="JSON instead of text"
        )
        tailing = actions.add_parser("tail", help="show the last messages of a topic")
        tailing.add_argument("name", choices=sorted(TOPICS), help="the topic")
        tailing.add_argument(
            "-n", "--lines", type=int, default=10, help="messages of each partition; default 10"
        )
        tailing.add_argument(
            "-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C"
        )
        tailing.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object a line"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do one of the three."""
        try:
            if options["action"] == "create":
                self._create(as_lines=not options["json"])
            elif options["action"] == "tail":
                self._tail(options)
            else:
                self._show(as_table=not options["json"])
        except (Unavailable, KafkaError) as error:
            raise CommandError(f"{error}. `manage.py doctor` looks why.") from error

    def _create(self, *, as_lines: bool) -> None:
        with _client(make_admin()) as admin:
            made = ensure_topics(admin)
        if not as_lines:
            self.stdout.write(as_json({"created": made}))
        elif made:
            self.stdout.write("".join(f"created {topic_name(name)}\n" for name in made), ending="")
        else:
            self.stdout.write("all topics are there")

    def _show(self, *, as_table: bool) -> None:
        aggregated = self._aggregated()
        readers = {"aggregate": aggregated} if aggregated is not None else {}
        with _client(make_admin()) as admin, _client(make_consumer(group=None)) as consumer:
            rows, missing = look(admin, consumer, readers)
        if as_table:
            self.stdout.write("\n".join(_table(rows)))
        else:
            self.stdout.write(as_json({"partitions": [row.as_dict() for row in rows], "missing": missing}))
        if missing:
            raise CommandError(f"topics missing: {', '.join(missing)}. `manage.py topics create` makes them.")

    def _aggregated(self) -> Places | None:
        """How far the aggregates are; None where Redis does not say."""
        client = redis_client()
        try:
            keys = live_keys(client)
            found = {tp: read_position(client, keys, tp).offset for tp in partitions(client, keys)}
        except RedisError as error:
            self.stderr.write(f"Redis does not answer, so nothing is said of aggregate: {error}")
            return None
        return {split_partition(tp): offset for tp, offset in found.items() if offset is not None}

    def _tail(self, options: dict[str, Any]) -> None:
        if options["lines"] < 0:
            raise CommandError("--lines: need 0 or more", returncode=2)
        with stopping() as stop, _client(make_consumer(group=None)) as consumer:
            for message in tail(consumer, options["name"], options["lines"]):
                if stop.is_set() or (message is None and not options["follow"]):
                    return
                if message is not None:
                    self.stdout.write(as_json(message) if options["json"] else _line(message))


@contextmanager
def _client(client: Any) -> Iterator[Any]:  # noqa: ANN401 - one of kafka-python's clients
    # what a missing broker or a slow one does is told in our words
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        yield client
    finally:
        close_quietly(client)


def _table(rows: list[PartitionStatus]) -> list[str]:
    """Aligned columns, a lag for each reader."""
    readers = sorted({reader for row in rows for reader in row.lag})
    head = ["topic", "partition", "leader", "in sync", "start", "end", *(f"lag {name}" for name in readers)]
    body = [
        [
            row.topic,
            str(row.partition),
            str(row.leader) if row.leader >= 0 else "none",
            f"{len(row.in_sync)} of {len(row.replicas)}",
            f"{row.start:,}",
            f"{row.end:,}",
            *(f"{row.lag[name]:,}" if name in row.lag else "" for name in readers),
        ]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *body]
    ]


def _line(message: Tailed) -> str:
    at = datetime.fromtimestamp(message.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    place = f"{message.topic}:{message.partition}:{message.offset}"
    headers = "".join(f" {name}={value}" for name, value in message.headers.items())
    return f"{place} {at} {message.key} {message.value}{headers}"
