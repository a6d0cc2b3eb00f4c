"""The embedded Kafka: one broker or three (KRaft, broker and controller in one) -> Programs.

Jars from artifacts.py, Java from java.py; data, ports and settings under one directory.
"""

import base64
import subprocess
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shopsite.runtime.artifacts import fetch_jars
from shopsite.runtime.grow import copy_metadata
from shopsite.runtime.java import Java, find_java
from shopsite.runtime.ports import HOST, answers, kept_ports
from shopsite.runtime.problems import CannotStart
from shopsite.runtime.service import Program

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
STARTED = "Kafka Server started"


@dataclass(frozen=True)
class EmbeddedKafka:
    """Brokers that can be started (together: they elect a controller), and their address."""

    programs: Sequence[Program]
    bootstrap: str  # host:port,host:port
    replication: int


def prepare_kafka(
    directory: Path,
    *,
    brokers: int = 1,
    heap_megabytes: int = 256,
    on_missing: Callable[[int], None] = lambda _count: None,
) -> EmbeddedKafka:
    """Brokers with their data in the directory, formatted at the first start.

    on_missing is told how many jars must be fetched. Raises CannotStart.
    """
    java = find_java()
    class_path = ":".join(str(path) for path in fetch_jars(on_missing))
    directory.mkdir(parents=True, exist_ok=True)
    names = [f"{role}{node}" for role in ("broker", "controller") for node in range(1, brokers + 1)]
    ports = kept_ports(directory / "ports.json", names)
    command: list[str | Path] = [java.path, *_java_options(java, heap_megabytes), "-cp", class_path]
    logs = [directory / f"broker{node}" / "log" for node in range(1, brokers + 1)]
    programs = []
    for node, log in enumerate(logs, start=1):
        log.parent.mkdir(exist_ok=True)
        settings = log.parent / "server.properties"
        settings.write_text(_settings(node, brokers, ports, log), encoding="utf-8")
        programs.append(
            Program(
                name="kafka" if brokers == 1 else f"kafka{node}",
                args=[*command, "kafka.Kafka", settings],
                ready_line=STARTED,
                ready=partial(_answers, ports[f"broker{node}"]),
                stop_within=3.0,  # three that stop at once wait 5 s for a new leader, their logs long closed
            )
        )
    _format_all(command, directory, logs)
    addresses = ",".join(f"{HOST}:{ports[f'broker{node}']}" for node in range(1, brokers + 1))
    return EmbeddedKafka(programs, addresses, replication=brokers)


def kept_brokers(directory: Path) -> int:
    """How many brokers the cluster in the directory has; 0 where there is none."""
    path = directory / "brokers"
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0


def _format_all(command: Sequence[str | Path], directory: Path, logs: Sequence[Path]) -> None:
    """Make each log folder ready; where one broker becomes three, the new ones learn what it knows."""
    kept = kept_brokers(directory)
    if kept == len(logs):
        return
    cluster_id = directory / "cluster_id"
    if not cluster_id.exists():
        cluster_id.write_text(_new_cluster_id(), encoding="utf-8")
    for log in logs:
        _format(command, cluster_id.read_text(encoding="utf-8"), log)
    if kept:
        copy_metadata(logs[0], logs[kept:])
    # written last: what was interrupted is done again
    (directory / "brokers").write_text(str(len(logs)), encoding="utf-8")


def _answers(port: int, _pid: int) -> bool:
    return answers(port)


def _java_options(java: Java, heap_megabytes: int) -> list[str]:
    """For a small broker that starts fast: benchmarks/start.py."""
    options = [
        f"-Xmx{heap_megabytes}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-Dlog4j.shutdownHookEnabled=false",  # Kafka's own shutdown still has something to say
        f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
    ]
    if java.version >= 24:
        options += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    return options


def _format(command: Sequence[str | Path], cluster_id: str, log: Path) -> None:
    """Give an empty log folder the cluster's id; do nothing to one that has it."""
    if (log / "meta.properties").exists():
        return
    settings = log.parent / "server.properties"
    tool = [*command, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", settings]
    told = subprocess.run(tool, capture_output=True, text=True, timeout=120, check=False)
    if told.returncode:
        raise CannotStart(
            f"Kafka's folder {log} cannot be made ready: {(told.stderr or told.stdout).strip()}"
        )


def _new_cluster_id() -> str:
    """A random UUID as Kafka writes it; never with a dash first, which the tool would take for an option."""
    text = "-"
    while text.startswith("-"):
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return text


def _settings(node: int, brokers: int, ports: dict[str, int], log: Path) -> str:
    """server.properties of one broker."""
    voters = ",".join(f"{n}@{HOST}:{ports[f'controller{n}']}" for n in range(1, brokers + 1))
    in_sync = 2 if brokers >= 3 else 1
    values = {
        "process.roles": "broker,controller",
        "node.id": node,
        "listeners": f"PLAINTEXT://{HOST}:{ports[f'broker{node}']},"
        f"CONTROLLER://{HOST}:{ports[f'controller{node}']}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports[f'broker{node}']}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": voters,
        "log.dirs": log,
        "auto.create.topics.enable": "false",  # topics come from one table: events/topics.py
        "default.replication.factor": brokers,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": brokers,
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.replication.factor": brokers,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": brokers,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 2000,
        # a dead broker is noticed in seconds: its partitions move, and the dashboard goes on
        "broker.session.timeout.ms": 6000 if brokers > 1 else 3000,
        "broker.heartbeat.interval.ms": 1000,
        "controller.quorum.election.timeout.ms": 1000,
        "controller.quorum.fetch.timeout.ms": 2000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,  # 128 MB otherwise, half of the heap
        "message.max.bytes": 2 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
