"""Frames of the past, in the shape of the live ones. Redis and the history -> here -> sockets.py.

A frame shows the figures as they were at the end of a minute, read from minute buckets by the path that
`report` takes, so any moment can be sought at the same cost, and nothing but reading happens. What nobody
keeps per minute, such as stock and orders by state, is left out: the page writes a dash. Each frame says
whether the log still holds its clicks, so that `audit` proves them, or only the history does.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import msgspec
from channels.db import database_sync_to_async
from django.db import DatabaseError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dashboards.counting.store import live_keys
from dashboards.folds.funnel import STAGES as ALL_STAGES
from dashboards.keys import bucket
from dashboards.past.spans import read_span
from dashboards.reports.course import read_kept_minutes
from dashboards.screen import sections
from dashboards.screen.frames import Screen, State
from dashboards.screen.lastweek import read_last_week
from dashboards.screen.live import Reading, marks, product_names
from dashboards.screen.picture import Picture
from dashboards.screen.window import FAST, MINUTES, SLOW, VISIT_MS, Window
from shopsite.events.redis import redis_client
from shopsite.events.topics import TOPICS

log = logging.getLogger(__name__)
SLOWEST, FASTEST = 1, 60
MOST = 4  # playbacks of one process: each reads at most once a second
FRAME_S = 1.0
FOLDS = (*FAST["m"], *SLOW["m"])


class Command(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a viewer may ask; one of them."""

    ask: Literal["snapshot"] | None = None
    play: "Play | None" = None
    seek: datetime | None = None
    speed: int | None = None
    pause: bool | None = None  # false goes on
    live: bool | None = None
    view: dict[str, str] | None = None  # filters.read_view; {} for everything


class Play(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from"}):
    """Where to begin, and how fast: seconds of the past in a second."""

    start: datetime
    speed: int = 1


class Refused(Exception):
    """The viewer is told why, and may ask for something else."""


def read_command(text: str) -> Command:
    """What a viewer sent. Raises Refused."""
    try:
        command = msgspec.json.decode(text, type=Command)
    except msgspec.DecodeError as error:
        raise Refused(f"not understood: {error}") from error
    times = [command.seek, command.play.start if command.play else None]
    if any(at is not None and at.tzinfo is None for at in times):
        raise Refused("a time needs a zone, such as 2024-06-18T12:34:00Z")
    return command


@dataclass
class Playback:
    """One viewer's place in the past."""

    at: datetime
    speed: int = 1
    paused: bool = False
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def command(self, command: Command) -> None:
        """Seek, pause, go on or change the speed. Raises Refused where the speed is out of bounds."""
        if command.speed is not None:
            self.speed = checked_speed(command.speed)
        if command.seek is not None:
            self.at = command.seek
        if command.pause is not None:
            self.paused = command.pause
        self._moved.set()

    async def frames(self) -> AsyncGenerator[str, None]:
        """Frames until now is reached, at most one a second; then, and while paused, none."""
        screen, shown = Screen(), None
        while True:
            self._moved.clear()
            minute = self.at.replace(second=0, microsecond=0)
            state = (minute, self.speed, self.paused)
            if state != shown:
                try:
                    sections_ = await database_sync_to_async(read_frame)(self)
                except (RedisError, DatabaseError) as error:
                    log.warning("playback: no frame, trying again: %s", error)
                    yield msgspec.json.encode({"problem": "The past can't be read just now."}).decode()
                else:
                    have, shown = screen.seq, state
                    screen.update(sections_, at=int(minute.timestamp() * 1000))
                    yield screen.since(have)
            began = time.monotonic()
            try:
                async with asyncio.timeout(None if state == shown and self._rests() else FRAME_S):
                    await self._moved.wait()
            except TimeoutError:
                if self.paused:
                    continue
                passed = timedelta(seconds=(time.monotonic() - began) * self.speed)
                self.at = min(self.at + passed, datetime.now(UTC))

    def _rests(self) -> bool:
        return self.paused or self.at >= datetime.now(UTC) - timedelta(seconds=FRAME_S)


def checked_speed(speed: int) -> int:
    """The speed. Raises Refused where it is out of bounds."""
    if not SLOWEST <= speed <= FASTEST:
        raise Refused(f"speed {speed}: need a whole number from {SLOWEST} to {FASTEST}")
    return speed


# --- one frame --------------------------------------------------------------------------------
def read_frame(playback: Playback) -> State:
    """All sections as they were at the end of the minute before `at`. Raises RedisError, DatabaseError."""
    end = playback.at.replace(second=0, microsecond=0)
    shown_at = end.timestamp() - 0.001  # within the last whole minute
    window, whole = read_window(end)
    figures = sections.product_figures(window, shown_at)
    skus = sections.candidates(figures)
    picture = Picture()
    picture.last_week = read_last_week(shown_at)
    reading = Reading(
        stock=dict.fromkeys(skus), names=product_names(skus), marks=marks(end), aggregating=True
    )
    picture.take_board(reading)
    picture.draw_numbers(window, shown_at)
    picture.draw_lists(window, shown_at)
    state = dict(picture.sections())
    last = window.tallies["m", "events"].at(bucket(shown_at, "m"))
    state["now"] = state["now"] | {"rate": round(sum(sum(each.values()) for each in last) / 60, 1)}
    state["play"] = {
        "at": int(end.timestamp() * 1000),
        "speed": playback.speed,
        "paused": playback.paused,
        "source": _source(end - timedelta(minutes=MINUTES), whole=whole),
    }
    return state


def _source(begin: datetime, *, whole: bool) -> str:
    """Where the clicks of a frame still are whose figures begin then: in the log, or in the history only."""
    if not whole:
        return "some minutes are no longer kept one by one"
    kept_ms = TOPICS["clicks"].retention_ms
    if kept_ms >= 0 and begin < datetime.now(UTC) - timedelta(milliseconds=kept_ms):
        return "the history, older than the log"
    return "the log"


def read_window(end: datetime) -> tuple[Window, bool]:
    """The half hour before `end` as a live page holds it, and whether all its minutes are known."""
    client = redis_client()
    begin = end - timedelta(minutes=MINUTES)
    window = Window(cast(Redis, None), live_keys(client))  # filled here: it never asks
    half_hour = int(begin.timestamp()), int(end.timestamp())
    spans, minutes = read_kept_minutes(client, *half_hour, *FOLDS)
    for at, folds in minutes.items():
        for fold, fields in folds.items():
            window.tallies["m", fold].put(at, "", dict(fields))
    names = [f"funnel.{stage}" for stage in ALL_STAGES]
    window.visitors30, *people = read_span(client, begin, end, lambda span: span.distinct("visitors", *names))
    window.funnel = dict(zip(ALL_STAGES, people, strict=True))
    visits = timedelta(milliseconds=VISIT_MS)
    (window.visitors,) = read_span(client, end - visits, end, lambda span: span.distinct("visitors"))
    midnight = datetime.fromtimestamp(window.midnight(end.timestamp() - 0.001), UTC)
    day = read_span(client, midnight, end, lambda span: span.sums("orders", "revenue"))
    for fold, sums in day.items():
        window.tallies["h", fold].put(int(midnight.timestamp()), "", dict(sums))
    return window, spans == [half_hour]
