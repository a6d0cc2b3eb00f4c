"""A real Redis Cluster of three masters and three replicas, whose nodes a test can stop and kill."""

import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import RedisError

from shopsite.runtime.ports import HOST, answers, is_free
from shopsite.runtime.redis import find_redis
from shopsite.runtime.service import Program, Service
from tests.support import until

SLOTS = 16_384
MASTERS = 3
NODE_TIMEOUT_MS = 1_000  # a master that is silent for so long is replaced


class RedisCluster:
    """Six servers: the first three are masters at first, the others their replicas in the same order."""

    def __init__(self, folder: Path) -> None:
        found = quiet_ports(4 * MASTERS)
        self.ports, self._buses = found[::2], found[1::2]
        self.services = [Service(self._program(folder, number)) for number in range(2 * MASTERS)]

    @property
    def url(self) -> str:
        """Its address, with all nodes."""
        return "redis+cluster://" + ",".join(f"{HOST}:{port}" for port in self.ports)

    def start(self) -> None:
        """Start the nodes and make them a cluster."""
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_ready()
        bounds = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        for number in range(2 * MASTERS):
            self.ask(number, "CLUSTER", "MEET", HOST, self.ports[0], self._buses[0])
        for number in range(MASTERS):
            self.ask(number, "CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        until(lambda: all(self._known(number) == 2 * MASTERS for number in range(2 * MASTERS)), within=30)
        for number in range(MASTERS):
            master = self.ask(number, "CLUSTER", "MYID")
            self.ask(MASTERS + number, "CLUSTER", "REPLICATE", master)
        until(self.is_whole, within=30)

    def stop(self) -> None:
        """Stop all of them."""
        for service in self.services:
            service.stop()

    def is_whole(self) -> bool:
        """Whether every living node sees all slots served, and every replica has a master that it follows."""
        living = [number for number, service in enumerate(self.services) if service.is_alive()]
        return all(self._serves(number) for number in living)

    def master_of(self, key: str) -> int:
        """Which node serves a key now."""
        slot = int(self.ask(self._a_living_one(), "CLUSTER", "KEYSLOT", key))
        for first, last, (_host, port, *_), *_ in self.ask(self._a_living_one(), "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self.ports.index(int(port))
        raise AssertionError(f"nobody serves {key}")

    def replica_of(self, master: int) -> int:
        """The node that follows a master that was one from the beginning."""
        return master + MASTERS

    def kill(self, number: int) -> None:
        """kill -9 of one node."""
        pid = self.services[number].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not self.services[number].is_alive())

    def revive(self, number: int) -> None:
        """Start a node that was killed, with the data that it had."""
        self.services[number].bury()
        self.services[number].start()
        self.services[number].wait_ready()

    def ask(self, number: int, *command: str | int | bytes) -> Any:  # noqa: ANN401 - whatever Redis answers
        """One command to one node."""
        with redis.Redis(host=HOST, port=self.ports[number], socket_timeout=5) as client:
            return client.execute_command(*command)

    def _a_living_one(self) -> int:
        return next(number for number, service in enumerate(self.services) if service.is_alive())

    def _known(self, number: int) -> int:
        return int(self._info(number)["cluster_known_nodes"])

    def _serves(self, number: int) -> bool:
        try:
            replication = self.ask(number, "INFO", "replication")
            linked = replication["role"] == "master" or replication["master_link_status"] == "up"
            return self._info(number)["cluster_state"] == "ok" and linked
        except RedisError:
            return False

    def _info(self, number: int) -> dict[str, str]:
        told: dict[str, str] = self.ask(number, "CLUSTER INFO")
        return told

    def _program(self, folder: Path, number: int) -> Program:
        where = folder / f"node{number}"
        where.mkdir(parents=True)
        port = self.ports[number]
        settings: dict[str, object] = {
            "port": port,
            "cluster-port": self._buses[number],
            "bind": HOST,
            "dir": where,
            "cluster-enabled": "yes",
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            "cluster-replica-validity-factor": 0,  # one that was away may take over, too
            "repl-diskless-sync-delay": 0,
            "appendonly": "yes",  # one that is revived knows what it knew
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        options = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        return Program(
            f"redis{number}",
            [find_redis(), *options],
            ready_line="Ready to accept connections",
            ready=lambda _pid: answers(port),
        )


def quiet_ports(count: int) -> list[int]:
    """Free ports below those that the system gives to clients, which could be taken at any moment."""
    return [port for port in random.sample(range(15_000, 30_000), 10 * count) if is_free(port)][:count]


@contextmanager
def redis_cluster(folder: Path) -> Iterator[RedisCluster]:
    """A cluster until the block ends."""
    cluster = RedisCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def partitions_by_master(cluster: RedisCluster, names: Sequence[str]) -> dict[int, list[str]]:
    """Which partitions' keys lie on which node."""
    found: dict[int, list[str]] = {}
    for name in names:
        found.setdefault(cluster.master_of(f"{{{name}}}"), []).append(name)
    return found
