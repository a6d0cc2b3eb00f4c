"""A PostgreSQL of the benchmark's own, from the binaries on the machine: fsync and synchronous_commit on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import free_port, missing

# Those of a small server, the same for us, the limit and the peer. What makes a commit sure stays on.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "track_commit_timestamp": "on",  # tells afterwards when an order was paid
}


def postgres_bin() -> Path:
    """Where the server's programs are; ends the benchmark where there are none."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not folders:
        missing("PostgreSQL's programs (initdb, pg_ctl): Debian's package postgresql has them")
    return folders[-1]


@contextmanager
def cluster() -> Iterator[str]:
    """The address of an empty database in a new cluster, which is gone afterwards."""
    programs, folder, port = postgres_bin(), Path(tempfile.mkdtemp(prefix="shopsite-bench-pg-")), free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    options = " ".join(
        [f"-p {port} -k {folder}", *(f"-c {name}={value}" for name, value in SETTINGS.items())]
    )
    try:
        _run(
            programs / "initdb",
            "--auth=trust",
            "--username=shop",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
            data,
        )
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        _run(programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "shop", "shop")
        yield f"postgres://shop@127.0.0.1:{port}/shop"
    finally:
        if (data / "postmaster.pid").exists():
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str | Path) -> None:
    """As whoever may run PostgreSQL, which root may not."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*prefix, *command], cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}")
