"""How the pipeline does, and what to do where it does not. Kafka, Redis, database -> here -> views.py.

Every part is asked on its own: one that does not answer is itself what the page tells.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from dashboards.board import the_board
from dashboards.operations.lags import Reader, read_topics
from shopsite.events.heartbeat import TTL_SECONDS, read_beats
from shopsite.events.models import DeadLetter, InboxEvent, InboxState, OutboxEvent
from shopsite.events.redis import memory, redis_client
from shopsite.events.schemas import Unavailable

WAIT_LIMIT_S = 60.0  # a row that waits longer for relay or worker is stuck
MAIL_LIMIT_S = 900.0  # servers put mails off for some minutes; beyond, somebody should look
MEMORY_LIMIT = 0.8  # of what Redis may use

MANY = 2  # missing processes that are told one by one

Beat = Mapping[str, Any]

WORK = {
    "web": "Nobody can open the shop through the process that is missing.",
    "relay": "Orders wait in the outbox; none is lost, but they are charged and mailed late.",
    "consume": "Orders wait in Kafka; none is lost, but they are charged and mailed late.",
    "worker": "Orders wait in the inbox; none is lost, but they are charged and mailed late.",
    "beat": "What is overdue is not woken: reservations do not expire and late charges are not tried again.",
    "aggregate": "The live figures stand still; the events wait in Kafka and are counted later.",
    "simulate": "No made-up shoppers come.",
}
DONE = {
    "relay": "published",
    "consume": "read",
    "worker": "tasks",
    "aggregate": "folded",
    "web": "connections",
}


@dataclass(frozen=True)
class Fault:
    """Something that needs somebody."""

    title: str
    words: str
    command: str = ""


@dataclass(frozen=True)
class Process:
    """One process, or the place of one that is missing."""

    name: str
    pid: int | None
    well: bool
    state: str
    done: str = ""
    up_for: str = ""


@dataclass(frozen=True)
class Part:
    """A store or a queue."""

    name: str
    figure: str
    words: str
    small: str = ""
    well: bool = True
    link: str = ""
    link_words: str = ""
    used: float | None = None  # share, for a meter


@dataclass
class Pipeline:
    """Everything on the page."""

    faults: list[Fault] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    lag: int | None = None  # None: Kafka does not answer
    waiting: int = 0  # events in the outbox and the inbox

    @property
    def alive(self) -> str:
        """How many processes there are, "–" where nobody can say."""
        return str(sum(process.well for process in self.processes)) if self.processes else "–"


def read_pipeline() -> Pipeline:
    """Ask every part. Raises DatabaseError only: without the database there is no page."""
    found = Pipeline()
    found.waiting = _outbox(found) + _inbox(found)
    beats = _beats(found)
    if beats is not None:
        found.processes = _processes(found, beats)
    _kafka(found)
    _mails(found)
    _dead_letters(found)
    return found


# --- Kafka ------------------------------------------------------------------------------------
def _kafka(found: Pipeline) -> None:
    try:
        found.readers, broken = read_topics()
    except (KafkaError, Unavailable, OSError) as error:
        where = ",".join(settings.KAFKA_BOOTSTRAP_SERVERS)
        words = f"{error}. The shop stays open: orders wait in the outbox, clicks in a file on this disk."
        found.faults.insert(0, Fault(f"Kafka does not answer at {where}.", words, "python manage.py doctor"))
        found.parts.insert(0, Part("Kafka", "–", "No broker answers.", well=False))
        return
    partitions = sum({reader.topic: reader.partitions for reader in found.readers}.values())
    words = broken[0] if broken else "Each has a leader, and its copies are in step."
    found.parts.insert(0, Part("Kafka", f"{partitions}", words, "partitions", well=not broken))
    found.faults += [
        Fault(words, "Start the brokers that are down.", "python manage.py topics") for words in broken
    ]
    found.lag = sum(reader.lag for reader in found.readers)
    found.faults += [_behind(reader) for reader in found.readers if reader.is_behind]


def _behind(reader: Reader) -> Fault:
    words = "None is lost. More processes divide the partitions among them; one a partition is the most."
    title = f"{reader.group} has {reader.lag:,} messages of {reader.topic} still to read."
    return Fault(title, words, f"python manage.py {reader.group}")


# --- processes --------------------------------------------------------------------------------
def _beats(found: Pipeline) -> list[Beat] | None:
    try:
        beats = read_beats()
        _redis_memory(found)
    except (RedisError, OSError) as error:
        words = (
            f"{error}. Live figures stand still and work waits; orders and stock are safe in the database."
        )
        found.faults.append(Fault("Redis does not answer.", words, "python manage.py doctor"))
        found.parts.append(Part("Redis memory", "–", "Redis does not answer.", well=False))
        return None
    return list(beats)


def _processes(found: Pipeline, beats: Sequence[Beat]) -> list[Process]:
    now = time.time()
    rows = [_process(beat, now) for beat in beats]
    gone = [name for name in settings.EXPECTED_PROCESSES if not any(beat["name"] == name for beat in beats)]
    rows += [Process(name, None, well=False, state="gone") for name in gone]
    if len(gone) > MANY:
        words = "Whatever is accepted waits; nothing is lost."
        found.faults.append(Fault(f"These processes are gone: {', '.join(gone)}.", words, "make demo"))
    else:
        found.faults += [_gone(name) for name in gone]
    for beat in beats:
        for why in beat.get("stopped", ()):
            words = f"{why} Nothing is lost; its figures stand still until the aggregates are made anew."
            found.faults.append(Fault("A partition is not folded.", words, "python manage.py rebuild"))
    order = {name: place for place, name in enumerate(settings.EXPECTED_PROCESSES)}
    return sorted(rows, key=lambda row: (order.get(row.name, len(order)), row.pid or 0))


def _gone(name: str) -> Fault:
    title = f"No {name} process has been heard of for {TTL_SECONDS} seconds."
    return Fault(title, WORK.get(name, ""), f"python manage.py {name}")


def _process(beat: Beat, now: float) -> Process:
    counted = DONE.get(beat["name"], "")
    done = f"{beat[counted]:,} {counted}" if counted and counted in beat else ""
    state = str(beat.get("state", "well"))
    return Process(beat["name"], beat["pid"], True, state, done, _span(now - float(beat["started"])))


# --- stores and queues ------------------------------------------------------------------------
def _outbox(found: Pipeline) -> int:
    rows = OutboxEvent.objects.filter(published_at__isnull=True, refused_at__isnull=True)
    waiting = rows.aggregate(count=Count("id"), oldest=Min("created_at"))
    late = _age(waiting["oldest"]) > WAIT_LIMIT_S
    words = "Each order and stock change is in Kafka." if not waiting["count"] else _oldest(waiting["oldest"])
    found.parts.append(Part("Outbox", f"{waiting['count']:,}", words, "to send", well=not late))
    if late:
        words = f"{_oldest(waiting['oldest'])} None is lost; they are charged and mailed late."
        found.faults.append(Fault("The outbox is not being sent.", words, "python manage.py relay"))
    if refused := OutboxEvent.objects.filter(refused_at__isnull=False).count():
        words = "Their rows in the admin say why. Such an event is told to nobody until it is mended."
        found.faults.append(Fault(f"Kafka refused {refused:,} of our events.", words))
    return int(waiting["count"])


def _inbox(found: Pipeline) -> int:
    rows = InboxEvent.objects.filter(state=InboxState.WAITING)
    waiting = rows.aggregate(count=Count("id"), oldest=Min("received_at"))
    late = _age(waiting["oldest"]) > WAIT_LIMIT_S
    words = "All that was read is worked off." if not waiting["count"] else _oldest(waiting["oldest"])
    found.parts.append(Part("Inbox", f"{waiting['count']:,}", words, "to work off", well=not late))
    if late:
        words = f"{_oldest(waiting['oldest'])} The sweep wakes the workers each minute."
        found.faults.append(Fault("The inbox is not being worked off.", words, "python manage.py worker"))
    return int(waiting["count"])


def _dead_letters(found: Pipeline) -> None:
    count = DeadLetter.objects.filter(resent_at__isnull=True).count()
    last = DeadLetter.objects.filter(resent_at__isnull=True).first() if count else None
    found.parts.append(
        Part(
            "Dead letters",
            f"{count:,}",
            f"The last one: {last.reason[:80]}." if last else "Every message could be read.",
            well=not count,
            link=reverse("admin:events_deadletter_changelist") if count else "",
            link_words="Look, mend, send again",
        )
    )


def _mails(found: Pipeline) -> None:
    if (board := the_board()) is None:
        return  # nobody said where mails are read from
    mails = board.mail_queue()
    slow = _age(mails.oldest_at) > MAIL_LIMIT_S
    words = _oldest(mails.oldest_at) if mails.waiting else "Every mail that is due has gone out."
    if mails.failed:
        words += f" {mails.failed:,} failed within a week."
    found.parts.append(
        Part(
            "Mails",
            f"{mails.waiting:,}",
            words,
            "to send",
            well=not (slow or mails.failed),
            link=f"{reverse('admin:orders_mail_changelist')}?state__exact=failed" if mails.failed else "",
            link_words="Look, send again",
        )
    )
    if _age(mails.due_at) > WAIT_LIMIT_S:
        words = f"{_oldest(mails.oldest_at)} None is lost; the workers send them."
        found.faults.append(Fault("Mails are not being sent.", words, "python manage.py worker"))
    elif slow and mails.why:
        said = f"{mails.why[:1].upper()}{mails.why[1:]}."
        words = f"{_oldest(mails.oldest_at)} {said} Each is tried for about a day."
        found.faults.append(
            Fault("The mail server does not take our mails.", words, "python manage.py doctor")
        )


def _redis_memory(found: Pipeline) -> None:
    used, most = memory(redis_client())
    share = used / most if most else None
    small = f"of {_megabytes(most)}" if most else "no limit set"
    full = share is not None and share > MEMORY_LIMIT
    words = (
        "Old buckets expire by themselves."
        if not full
        else "It is almost full; then it takes no more events."
    )
    found.parts.append(Part("Redis memory", _megabytes(used), words, small, well=not full, used=share))
    if full:
        found.faults.append(Fault("Redis is almost full.", words, "valkey-cli config set maxmemory 1gb"))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _age(moment: Any) -> float:  # noqa: ANN401  a datetime or null, as an aggregate gives it
    return (timezone.now() - moment).total_seconds() if moment else 0.0


def _oldest(moment: Any) -> str:  # noqa: ANN401
    return f"The oldest has waited for {_span(_age(moment))}."


def _span(seconds: float) -> str:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02d}" if hours < 24 else f"{days} d {hours % 24} h"
