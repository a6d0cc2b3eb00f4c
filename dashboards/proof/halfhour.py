"""Compare the steps of the last half hour with the log's. Redis `steps`, recount.py -> here -> findings.py.

Only minutes of which each process that folds must have kept every step, whatever it took to fold it: those
that begin in the half hour before the audit, less a minute for clocks that differ.
"""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import redis

from dashboards.counting.steps import FULL, SIZE
from dashboards.keys import SEEN_SECONDS, Keys, bucket
from dashboards.proof.findings import Check, Findings
from dashboards.reports.selectors import rfc3339
from shopsite.events.schemas import MAX_AHEAD

NAME = "steps of the last half hour"
CLOCKS_S = 60


@dataclass
class Steps:
    """What Redis has of one partition."""

    offset: int = 0  # everything before it is in these
    minutes: Mapping[int, bytes] = field(default_factory=dict)  # start -> its steps, b"" for none

    def full(self) -> dict[int, int]:
        """The minutes that take no more steps, and their bytes: the log's are compared so far."""
        return {start: len(text) for start, text in self.minutes.items() if len(text) > FULL}


def take_steps(client: redis.Redis, keys: Keys, tp: str, now: datetime, days: range | None) -> Steps:
    """The minutes that can be compared, with the offset of the same moment.

    days: starts of the UTC days (epoch seconds) that are wanted; None: all.
    """
    end = int((now + MAX_AHEAD).timestamp())
    oldest = int(now.timestamp()) - SEEN_SECONDS + CLOCKS_S
    starts = [
        at
        for at in range(oldest - oldest % 60 + 60, end + 1, 60)
        if days is None or at - at % days.step in days
    ]
    pipe = client.pipeline(transaction=True)
    pipe.get(keys.offset(tp))
    for at in starts:
        pipe.get(keys.steps(tp, at))
    offset, *found = cast("list[bytes | None]", pipe.execute())
    texts = [text or b"" for text in found]
    return Steps(int(offset or 0), dict(zip(starts, texts, strict=True)))


def compare_steps(
    findings: Findings, tp: str, steps: Steps, log: Mapping[int, bytearray], unproved: Container[int]
) -> None:
    """Note each minute that differs. One that is full holds the first of its steps, and is compared so far.

    unproved: starts of the days of which the log no longer has all.
    """
    full = steps.full()
    for start, stored in steps.minutes.items():
        if bucket(start, "d") in unproved:
            continue
        expected = bytes(log.get(start, b"")[: full.get(start)])
        if expected == stored:  # each in the log's order, as it should be
            findings.add_up(NAME, {"": len(stored) // SIZE}, {"": len(stored) // SIZE})
            continue
        of_log, of_stored = _single(expected), _single(stored)
        findings.add_up(NAME, {"": of_log.total()}, {"": of_stored.total()})
        if of_log != of_stored:
            lost, alien = (of_log - of_stored).total(), (of_stored - of_log).total()
            told = f"{of_stored.total()}: {lost} missing, {alien} that the log has not"
            findings.differences.append(Check(f"steps, minute {rfc3339(start)}, {tp}", of_log.total(), told))


def _single(steps: bytes) -> Counter[bytes]:
    return Counter(steps[at : at + SIZE] for at in range(0, len(steps), SIZE))
