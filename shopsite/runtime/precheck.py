"""What a demo needs before anything is started: a free port, room on the disk. demo.py -> here."""

import contextlib
import shutil

import psutil

from shopsite.config import LOCAL_DIR
from shopsite.runtime.ports import is_free
from shopsite.runtime.problems import CannotStart

NEEDED_MEGABYTES = 500  # Kafka's first segments, Redis's log and some days of a busy demo


def check_port(host: str, port: int) -> None:
    """Raises CannotStart where something listens on the port."""
    if not is_free(port, host):
        raise CannotStart(
            f"Port {port} is in use{_by_whom(port)}: stop that program, or choose another port with "
            f"make demo DEMO='--port {port + 1}'."
        )


def check_disk() -> None:
    """Raises CannotStart where the local folder's disk is nearly full."""
    free = shutil.disk_usage(LOCAL_DIR).free // 1_000_000
    if free < NEEDED_MEGABYTES:
        raise CannotStart(
            f"The disk of {LOCAL_DIR} has {free} MB left and a demo needs {NEEDED_MEGABYTES}: "
            "free some room, or use a folder on another disk with SHOP_LOCAL_DIR=/another/folder."
        )


def _by_whom(port: int) -> str:
    """` by NAME (process PID)`, where the system tells."""
    with contextlib.suppress(psutil.Error):  # other users' processes are hidden on some systems
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr[1] == port and connection.status == psutil.CONN_LISTEN:
                with contextlib.suppress(psutil.Error):
                    return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
