"""Free ports for embedded servers, kept in a file so that a second start finds clients' addresses true."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no owner
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on, chosen by the system."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kept_ports(path: Path, names: Sequence[str]) -> dict[str, int]:
    """A port for each name: the one in the file while it is free, else a new one, written there."""
    kept: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    ports = {
        name: kept[name] if is_free(kept.get(name, 0)) and name in kept else free_port() for name in names
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept | ports), encoding="utf-8")
    return ports
