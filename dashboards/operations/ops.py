"""How the pipeline does, and what to do where it does not. Kafka, Redis, database -> here -> views.py.

Every part is asked on its own: one that does not answer is itself what the page tells.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from dashboards.alerts.figures import FIGURES
from dashboards.board import the_board
from dashboards.operations.lags import Reader, read_topics
from dashboards.operations.way import WAIT_LIMIT_S, Lane, Stores, Waiting, lanes, rate_of
from dashboards.operations.words import per_second, span
from dashboards.proof.verdict import Verdict, read_verdict
from shopsite.events.heartbeat import COUNTS, TTL_SECONDS, read_beats
from shopsite.events.models import DeadLetter, InboxEvent, InboxState, OutboxEvent
from shopsite.events.redis import memory, redis_client
from shopsite.events.schemas import Unavailable

MAIL_LIMIT_S = 900.0  # servers put mails off for some minutes; beyond, somebody should look
MEMORY_LIMIT = 0.8  # of what Redis may use
TASK_LIMIT_S = 120.0  # tasks give way to each other before; one that does not holds up others

PATIENCE_S = 1.0  # with a Redis that takes connections and says nothing: this page is to tell of it
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
# what a process says of its own lateness: the figure, how many of it are a second, and what it means
LATE = {
    "web": ("loop_late_ms", 1000, "by which its loop was late"),
    "relay": ("unacknowledged_seconds", 1, "for which Kafka has not confirmed the oldest message on its way"),
    "worker": ("longest_seconds", 1, "for which the oldest task has been running"),
}
DELAY_OVER = timedelta(minutes=2)


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
    rate: str = ""
    late: str = ""
    late_words: str = ""
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
    delay: float | None = None  # from an event to its figure, 95 of 100 below, seconds
    viewers: int | None = None
    audit: Verdict | None = None
    lanes: list[Lane] = field(default_factory=list)

    @property
    def delay_words(self) -> str:
        """The delay, "" where it is not known."""
        return "" if self.delay is None else span(self.delay)

    @property
    def alive(self) -> str:
        """How many processes there are, "–" where nobody can say."""
        return str(sum(process.well for process in self.processes)) if self.processes else "–"


def read_pipeline() -> Pipeline:
    """Ask every part. Raises DatabaseError only: without the database there is no page."""
    found = Pipeline()
    outbox, inbox = _outbox(found), _inbox(found)
    found.waiting = outbox.count + inbox.count
    beats = _beats(found)
    if beats is not None:
        found.processes = _processes(found, beats)
        found.parts.append(_celery(beats))
        found.viewers = sum(int(beat.get("viewers", 0)) for beat in beats)
    _kafka(found, has_redis=beats is not None)
    found.lanes = lanes(beats or [], found.readers, _stores(found, outbox, inbox))
    _mails(found)
    _dead_letters(found)
    return found


# --- Kafka ------------------------------------------------------------------------------------
def _kafka(found: Pipeline, *, has_redis: bool) -> None:
    try:
        topics = read_topics(has_redis=has_redis)
    except (KafkaError, Unavailable, OSError) as error:
        where = ",".join(settings.KAFKA_BOOTSTRAP_SERVERS)
        words = f"{error}. The shop stays open: orders wait in the outbox, clicks in a file on this disk."
        found.faults.insert(0, Fault(f"Kafka does not answer at {where}.", words, "python manage.py doctor"))
        found.parts.insert(0, Part("Brokers", "–", "No broker answers.", well=False))
        return
    found.readers, broken = topics.readers, topics.broken
    partitions = sum({reader.topic: len(reader.places) for reader in found.readers}.values())
    well = f"Each of {partitions} partitions has a leader, and its copies are in step."
    words = broken[0] if broken else well
    small = "answers" if topics.brokers == 1 else "answer"
    found.parts.insert(0, Part("Brokers", f"{topics.brokers}", words, small, well=not broken))
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
        beats = read_beats(redis_client(patience=PATIENCE_S))
        found.audit = read_verdict()
        now = timezone.now()
        found.delay = FIGURES["delay"].read(now - DELAY_OVER, now)
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
    counted = COUNTS.get(beat["name"], ("",))[0]
    done = f"{beat[counted]:,} {counted}" if counted and counted in beat else ""
    rate = rate_of(beat, counted)
    figure, a_second, words = LATE.get(beat["name"], ("", 1, ""))
    return Process(
        beat["name"],
        beat["pid"],
        well=True,
        state=str(beat.get("state", "well")),
        done=done,
        rate="" if rate is None else f"{per_second(rate)} /s",
        late=span(float(beat[figure]) / a_second) if figure in beat else "",
        late_words=words,
        up_for=span(now - float(beat["started"])),
    )


def _celery(beats: Sequence[Beat]) -> Part:
    workers = [beat for beat in beats if beat["name"] == "worker"]
    running = sum(int(beat.get("running", 0)) for beat in workers)
    longest = max((float(beat.get("longest_seconds", 0)) for beat in workers), default=0.0)
    late = longest > TASK_LIMIT_S
    if not workers:
        return Part("Celery", "–", "No worker runs.", well=False)
    words = f"The oldest has been running for {span(longest)}." if running else "No task runs just now."
    return Part("Celery", f"{running}", words, "running" if running != 1 else "task runs", well=not late)


def _stores(found: Pipeline, outbox: Waiting, inbox: Waiting) -> Stores:
    (redis,) = (part for part in found.parts if part.name == "Redis memory")
    return Stores(outbox, inbox, redis=redis.figure, redis_of=redis.small, delay=found.delay)


# --- stores and queues ------------------------------------------------------------------------
def _outbox(found: Pipeline) -> Waiting:
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
    return Waiting(int(waiting["count"]), _age(waiting["oldest"]))


def _inbox(found: Pipeline) -> Waiting:
    rows = InboxEvent.objects.filter(state=InboxState.WAITING)
    waiting = rows.aggregate(count=Count("id"), oldest=Min("received_at"))
    late = _age(waiting["oldest"]) > WAIT_LIMIT_S
    words = "All that was read is worked off." if not waiting["count"] else _oldest(waiting["oldest"])
    found.parts.append(Part("Inbox", f"{waiting['count']:,}", words, "to work off", well=not late))
    if late:
        words = f"{_oldest(waiting['oldest'])} The sweep wakes the workers each minute."
        found.faults.append(Fault("The inbox is not being worked off.", words, "python manage.py worker"))
    return Waiting(int(waiting["count"]), _age(waiting["oldest"]))


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
    return f"The oldest has waited for {span(_age(moment))}."
