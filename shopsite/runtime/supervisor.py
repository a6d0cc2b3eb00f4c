"""Keeps processes running: demo.py -> here -> service.py. Starts in order, restarts, stops in order."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shopsite.runtime.problems import CannotStart
from shopsite.runtime.service import Program, Service

FIRST_DELAY = 0.2  # seconds from a death to the restart
MANY_DEATHS = 20  # within WINDOW: from then on ever more slowly
WINDOW = 300.0
LONGEST_DELAY = 60.0
STOP_WITHIN = 8.0  # seconds for everything, so that Ctrl-C takes less than ten on a busy machine
CHECK_EVERY = 0.05


@dataclass
class Kept:
    """One process that is kept running."""

    service: Service
    rank: int  # processes of a lower rank stop first; those of one rank at the same time
    deaths: deque[float] = field(default_factory=deque)
    restart_at: float | None = None  # monotonic seconds; None while it runs


class Supervisor:
    """A set of processes. One thread owns it; `stopping` and ask_restart() are for the others."""

    def __init__(self, say: Callable[[str], None], make_echo: Callable[[str], Callable[[str], None]]) -> None:
        self.stopping = threading.Event()
        self._say = say
        self._make_echo = make_echo
        self._kept: dict[str, Kept] = {}
        self._restart_ranks: Sequence[int] = ()

    def start(self, programs: Sequence[Program], *, rank: int) -> None:
        """Start programs and keep them from now on; returns without waiting for them."""
        for program in programs:
            kept = Kept(Service(program, self._make_echo(program.name)), rank)
            self._kept[program.name] = kept
            kept.service.start()

    def wait_ready(self, names: Sequence[str]) -> None:
        """Return once the named processes are ready. Raises CannotStart when one will not be."""
        for name in names:
            self._kept[name].service.wait_ready(self.stopping)

    def wait_ready_restarting(self, names: Sequence[str], within: float) -> None:
        """The same, but one that dies on the way gets another chance, until `within` seconds are over."""
        deadline = time.monotonic() + within
        while waiting := [name for name in names if not self._kept[name].service.is_ready()]:
            if self.stopping.wait(CHECK_EVERY):
                return
            self.check()
            if time.monotonic() > deadline:
                raise CannotStart(
                    self._kept[waiting[0]].service.obituary(f"was not ready after {within:.0f} s")
                )

    def names(self) -> list[str]:
        """The processes that are kept, in the order of their start."""
        return list(self._kept)

    def pid(self, name: str) -> int | None:
        """The process id that the named one has, or had last."""
        return self._kept[name].service.pid

    def watch(self) -> None:
        """Restart what dies, until stopping is set."""
        while not self.stopping.wait(CHECK_EVERY):
            self.check()
            if ranks := self._restart_ranks:
                self._restart_ranks = ()
                self._restart(ranks)

    def ask_restart(self, ranks: Sequence[int]) -> None:
        """Have watch() stop the processes of these ranks and start them again; from any thread."""
        self._restart_ranks = ranks

    def check(self) -> None:
        """Look at each process once: note deaths, restart what is due."""
        now = time.monotonic()
        for kept in self._kept.values():
            if kept.restart_at is None and not kept.service.is_alive():
                self._note_death(kept, now)
            elif kept.restart_at is not None and now >= kept.restart_at:
                kept.restart_at = None
                kept.service.start()

    def _restart(self, ranks: Sequence[int]) -> None:
        """Stop the processes of these ranks in order, then start them in the order of their first start."""
        for rank in sorted(ranks):
            self._stop_together([kept for kept in self._kept.values() if kept.rank == rank], STOP_WITHIN)
        for kept in self._kept.values():
            if kept.rank in ranks:
                kept.restart_at = None
                kept.service.start()

    def stop(self) -> None:
        """Stop everything, rank after rank; nothing is left after STOP_WITHIN seconds."""
        self.stopping.set()
        deadline = time.monotonic() + STOP_WITHIN
        ranks = sorted({kept.rank for kept in self._kept.values()})
        for number, rank in enumerate(ranks):
            left = max(0.0, deadline - time.monotonic())
            later = len(ranks) - number - 1
            # whoever stops slowly must leave each later rank, Kafka above all, a share of the time
            share = left if not later else left * 0.6
            self._stop_together([kept for kept in self._kept.values() if kept.rank == rank], share)

    def _stop_together(self, group: Sequence[Kept], within: float) -> None:
        """Ask all of the group at once, then wait for each."""
        deadline = time.monotonic() + within
        for kept in group:
            kept.service.ask_to_stop()
        for kept in group:
            limit = min(kept.service.program.stop_within, max(0.0, deadline - time.monotonic()))
            if not kept.service.stop(within=limit):
                self._say(f"{kept.service.program.name} did not stop within {limit:.1f} s and was killed.")

    def _note_death(self, kept: Kept, now: float) -> None:
        """Say that it died and when it starts again."""
        kept.service.bury()
        kept.deaths.append(now)
        while kept.deaths[0] < now - WINDOW:
            kept.deaths.popleft()
        delay = restart_delay(len(kept.deaths))
        kept.restart_at = now + delay
        name, code = kept.service.program.name, kept.service.exit_code()
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
        text = f"{name} {how}; it starts again in {delay:.1f} s."
        if len(kept.deaths) > MANY_DEATHS:
            text += (
                f" It died {len(kept.deaths)} times in {WINDOW / 60:.0f} minutes, so it is restarted ever "
                f"more slowly: logs/{name}.log says why, `manage.py doctor` what to mend."
            )
        self._say(text)


def restart_delay(deaths: int) -> float:
    """Seconds to wait before a restart, after so many deaths in WINDOW."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** max(0, deaths - MANY_DEATHS))
