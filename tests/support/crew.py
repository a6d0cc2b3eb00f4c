"""Several processes of one name, which leave and join while others go on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from shopsite.events.heartbeat import read_beats
from shopsite.runtime.service import Program, Service
from tests.support import child_env, until

STARTED_WITHIN = 90.0  # seconds; a busy machine imports slowly


class Crew:
    """The running ones, by a name of our own such as "worker 2"."""

    def __init__(self) -> None:
        self._running: dict[str, Service] = {}

    def join(self, *names: str) -> None:
        """Start `manage.py NAME` for "NAME" or "NAME number"; returns when all of them beat."""
        env = child_env(SHOP_LOCAL_DIR=str(Path(settings.EMAIL_FILE_PATH).parent), LOG_LEVEL="WARNING")
        for name in names:
            command = [sys.executable, "manage.py", name.partition(" ")[0]]
            self._running[name] = Service(Program(name, command, env))
            self._running[name].start()
        until(lambda: all(self._beats(name) for name in names), within=STARTED_WITHIN)

    def leave(self, name: str, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End one, by this signal; returns when it is gone."""
        service = self._running.pop(name)
        assert service.pid is not None
        os.kill(service.pid, with_signal)
        until(lambda: not service.is_alive(), within=30)
        service.bury()

    def revive(self) -> None:
        """Start again whoever has ended, as the supervisor does."""
        for service in self._running.values():
            if not service.is_alive():
                service.bury()
                service.start()

    def dismiss(self) -> None:
        """End all."""
        for service in self._running.values():
            service.ask_to_stop()
        for service in self._running.values():
            service.stop()

    def _beats(self, name: str) -> bool:
        service = self._running[name]
        assert service.is_alive(), service.obituary("ended")
        return any(beat["pid"] == service.pid for beat in read_beats())


@contextmanager
def crew(*names: str) -> Iterator[Crew]:
    """These processes, and whoever joins, until the block ends."""
    members = Crew()
    try:
        members.join(*names)
        yield members
    finally:
        members.dismiss()
