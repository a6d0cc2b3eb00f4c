"""Ends what a killed supervisor left behind. service.py starts it as a script, alone, with a pipe.

Its input names the process groups that live: `+PID` and `-PID` lines. When the input ends, the
supervisor is gone: the groups that are still named are stopped, the last one started first.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE_SECONDS = 8.0


def is_alive(pid: int) -> bool:
    """Whether the group still has a process."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def end(pids: list[int]) -> None:
    """Ask each group to stop, all at once, and kill those that have not after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)


def main() -> None:
    """Follow the pipe to its end, then clear up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: list[int] = []
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            pids.append(pid)
        elif pid in pids:
            pids.remove(pid)
    end([pid for pid in pids if is_alive(pid)])


if __name__ == "__main__":
    main()
