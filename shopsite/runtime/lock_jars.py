"""Resolve Kafka's jars and write kafka.lock: `make lock` -> here -> artifacts.py at every first start.

Run by hand when Kafka's version is raised; a start never resolves anything.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from shopsite.runtime.artifacts import LOCK

ROOTS = (
    "org.apache.kafka:kafka_2.13:4.4.0",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",  # without it a broken broker says nothing
)


def main() -> None:
    """Write the lock file anew from ROOTS."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder))
        wanted = [context.create_dependency(root) for root in ROOTS]
        for dependency in wanted:
            dependency.raw = True  # else log4j's own version table lowers kafka-clients to 3.9
        roots, others = context.resolver.resolve(wanted)
        lines = {
            f"{found.groupId}:{found.artifactId}:{found.version}": hashlib.sha256(
                Path(found.artifact.resolve()).read_bytes()
            ).hexdigest()
            for found in roots + others
        }
    header = "# Kafka and what it needs, by Maven coordinates and sha256; written by `make lock`.\n"
    LOCK.write_text(
        header + "".join(f"{name} {digest}\n" for name, digest in lines.items()), encoding="utf-8"
    )
    sys.stdout.write(f"{LOCK}: {len(lines)} jars\n")


if __name__ == "__main__":
    main()
