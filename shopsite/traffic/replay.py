"""Send a recording through the shop's own topics. survey.py -> here -> publishing.py -> Kafka.

The file is read twice: once for what it holds, so that a wrong file is told before anything is sent, the
opening stock suffices and times can be shifted; and once for sending.
"""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import force_setattr

from shopsite.config import LOCAL_DIR
from shopsite.traffic import publishing
from shopsite.traffic.formats import Format, checked_format
from shopsite.traffic.models import Sending
from shopsite.traffic.opening import open_stock
from shopsite.traffic.progress import Progress
from shopsite.traffic.publishing import Publisher, TooLarge
from shopsite.traffic.recordings import Interrupted, Recorded, Recording, open_recording
from shopsite.traffic.survey import Survey, in_order, survey

LONGEST_NAP = 0.2  # seconds: then the progress is drawn and a request to stop is seen


class AlreadySent(Exception):
    """The recording has clicks and is in the log: sending it again would count them twice."""


@dataclass(frozen=True)
class Options:
    """How a recording is to be sent."""

    speed: float | None = None  # times as fast as it was recorded; None: as fast as it goes
    keep_time: bool = False
    again: bool = False
    mapping: Path | None = None  # explains a recording of the format csv


@dataclass(frozen=True)
class Outcome:
    """What was sent, for the summary."""

    recording: Recording
    found: Survey
    resumed: int  # events that an interrupted run had sent before
    opened: int  # products that got opening stock now
    seconds: float  # of the whole, both readings included


def replay(path: Path, format_name: str, options: Options, stop: threading.Event) -> Outcome:
    """Send a recording and wait until Kafka has acknowledged each event.

    Raises WrongFile, AlreadySent, Interrupted, Unavailable.
    """
    begun = time.monotonic()
    recording = open_recording(path)
    of = checked_format(recording, format_name, options.mapping)
    found = survey(recording, of)
    with _alone(recording):
        sending, sent = _run_of(recording, of.name, found, options)
        clock = Clock(options, timedelta(milliseconds=sending.shift_ms), stop)
        opened, resumed = _publish(recording, of, sending, sent, found, clock)
        publishing.finish(sending)
    return Outcome(recording, found, resumed, opened, time.monotonic() - begun)


@contextmanager
def _alone(recording: Recording) -> Iterator[None]:
    """Two processes that send the same recording would send each event twice. Raises AlreadySent."""
    with (LOCAL_DIR / "replay.lock").open("w") as file:
        try:
            # one byte of the file for each recording; the lock ends with the process, however it ends
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(recording.digest[:8], 16))
        except BlockingIOError:
            raise AlreadySent(f"{recording.path} is being sent by another process.") from None
        yield


def _publish(
    recording: Recording,
    of: Format,
    sending: Sending,
    sent: publishing.Places,
    found: Survey,
    clock: "Clock",
) -> tuple[int, int]:
    """Open the stock, then send; returns how many products were opened and events were there before."""
    publisher = Publisher()
    try:
        opened = open_stock(
            publisher,
            digest=recording.digest,
            stock=found.opening(),
            at=clock.time_of(found.first - timedelta(seconds=1)),
            stop=clock.stop,
        )
        resumed = send(publisher, sending, sent, in_order(recording, of), found, clock)
        return opened, resumed
    finally:
        publisher.close()


def _run_of(
    recording: Recording, format_name: str, found: Survey, options: Options
) -> tuple[Sending, publishing.Places]:
    """The run to send, and what an interrupted one had sent of it. Raises AlreadySent, Unavailable."""
    known = Sending.objects.filter(digest=recording.digest).first()
    if known and known.finished_at is None:
        return known, publishing.already_sent(known)
    if known and known.finished_at and found.has_clicks and not options.again:
        raise AlreadySent(
            f"{recording.path} is in the log since {known.finished_at:%Y-%m-%d %H:%M} UTC, and its clicks "
            "would count twice: give --again if that is what you want."
        )
    shifted = options.speed is None and not options.keep_time
    shift = datetime.now(UTC) - found.last if shifted else timedelta()
    run = publishing.begin(
        digest=recording.digest,
        name=recording.path.name,
        format=format_name,
        run=known.run + 1 if known else 1,
        shift_ms=int(shift.total_seconds() * 1000),
    )
    return run, {}


class Clock:
    """When an event is sent, and the time that it then bears."""

    def __init__(self, options: Options, shift: timedelta, stop: threading.Event) -> None:
        self._speed = options.speed
        self._live = options.speed is not None and not options.keep_time
        self._shift = shift
        self.stop = stop
        self._zero: tuple[float, datetime] | None = None  # seconds on our clock, recorded time

    def time_of(self, recorded: datetime) -> datetime:
        """What stands in the message for a recorded time, if it is sent now."""
        return datetime.now(UTC) if self._live else recorded + self._shift

    def wait_for(self, recorded: datetime) -> Iterator[None]:
        """Wait for an event's moment, yielding every LONGEST_NAP. Raises Interrupted."""
        if self.stop.is_set():
            raise Interrupted
        if self._speed is None:
            return
        if self._zero is None:
            self._zero = (time.monotonic(), recorded)
        begun, first = self._zero
        due = begun + (recorded - first).total_seconds() / self._speed
        while (wait := due - time.monotonic()) > 0:
            if self.stop.wait(min(wait, LONGEST_NAP)):
                raise Interrupted
            yield


def send(
    publisher: Publisher,
    sending: Sending,
    sent: publishing.Places,
    events: Iterator[Recorded],
    found: Survey,
    clock: Clock,
) -> int:
    """Send what is not in the log yet, in order; returns how many events were there already.

    Raises Interrupted, Unavailable.
    """
    progress = Progress("Sending", found.events)
    resumed = number = 0
    try:
        for number, recorded in enumerate(events, start=1):
            place, key = publisher.place(recorded.topic, recorded.key)
            if number <= sent.get(place, 0):
                resumed += 1
                continue
            event = recorded.event
            for _ in clock.wait_for(event.timestamp):
                progress.at(number)
            force_setattr(event, "timestamp", clock.time_of(event.timestamp))  # nobody else has it yet
            try:
                publisher.send(place, key, event, mark=publishing.mark(sending, number))
            except TooLarge as error:
                found.tally.reject(recorded.line, str(error))
            progress.at(number)
        publisher.settle()
    finally:
        progress.end(number)
    return resumed
