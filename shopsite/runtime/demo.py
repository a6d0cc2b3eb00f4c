"""The whole shop on one machine: `manage.py demo` -> here -> kafka.py, redis.py, supervisor.py.

Servers whose addresses are set in the environment are used; the others are started here.
"""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from watchfiles import PythonFilter, watch

from shopsite.config import BASE_DIR, LOCAL_DIR
from shopsite.events.kafka import close_quietly, make_admin
from shopsite.events.loops import set_from_signal
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import ensure_topics
from shopsite.runtime import folder
from shopsite.runtime.banner import banner
from shopsite.runtime.checks import Finding, check_database, check_redis
from shopsite.runtime.grow import replicate_everywhere
from shopsite.runtime.kafka import EmbeddedKafka, kept_brokers, prepare_kafka
from shopsite.runtime.login import forget_tokens, make_token
from shopsite.runtime.logs import LogFile, Terminal, tee
from shopsite.runtime.ports import kept_ports
from shopsite.runtime.precheck import check_disk, check_port
from shopsite.runtime.problems import CannotStart
from shopsite.runtime.processes import LOOPS, SERVERS, SIMULATE, WEB, process_names, shop_programs
from shopsite.runtime.redis import prepare_redis
from shopsite.runtime.service import dismiss_guard
from shopsite.runtime.supervisor import Supervisor

HOST = "127.0.0.1"
PROCESSES_WITHIN = 60.0  # seconds until every process has sent its first heartbeat


class Stopped(Exception):
    """Somebody asked the demo to stop before everything ran."""


@dataclass(frozen=True)
class Options:
    """What the command line said."""

    port: int
    brokers: int
    traffic: bool
    reload: bool


def demand(finding: Finding) -> None:
    """Raises CannotStart where the check found something amiss."""
    if not finding.ok:
        raise CannotStart(f"The {finding.name} does not work ({finding.what}): {finding.mend}")


class Demo:
    """One run: check, start, watch, stop."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.terminal = Terminal(sys.stdout)
        self.supervisor = Supervisor(self.terminal.say, self._echo_of)
        self.logs: list[LogFile] = []
        self.origin = os.environ.get("SHOP_ORIGIN") or f"http://{HOST}:{options.port}"
        self.username = os.environ.get("STAFF_USERNAME") or "staff"
        self.began = time.monotonic()
        self.notes: list[str] = []

    def run(self) -> None:
        """Everything, until SIGINT or SIGTERM. Raises CannotStart."""
        lock = folder.lock_folder(f"process {os.getpid()}, {self.origin}")
        before = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._on_signal)
        try:
            self._check()
            self._start()
            self.supervisor.watch()
        except Stopped:
            pass
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(lock)

    def _check(self) -> None:
        """Everything that can be known before something is started."""
        folder.remove_env()  # of a demo that was killed
        if self.options.traffic and settings.PAYMENT_GATEWAY != "simulated":
            where = settings.PAYMENT_GATEWAY
            raise CannotStart(
                f"PAYMENT_GATEWAY={where}: made-up shoppers cannot pay there: need --no-traffic"
            )
        check_port(HOST, self.options.port)
        check_disk()

    def _start(self) -> None:
        """Servers first; the database is made ready while Kafka starts."""
        password = os.environ.get("STAFF_PASSWORD") or folder.staff_password()
        self._set(SHOP_ORIGIN=self.origin, STAFF_USERNAME=self.username, STAFF_PASSWORD=password)
        if settings.PAYMENT_GATEWAY == "simulated" and not os.environ.get("GATEWAY_URL"):
            port = kept_ports(LOCAL_DIR / "gateway.json", ["gateway"])["gateway"]
            self._set(GATEWAY_URL=f"http://{HOST}:{port}")
        self._start_redis()
        kafka = self._start_kafka()
        demand(check_database())
        with self._step("Database: tables, products, stock, roles, staff login"):
            call_command("migrate", verbosity=0)
            call_command("seed", stdout=io.StringIO())
        with self._step(f"Kafka at {','.join(settings.KAFKA_BOOTSTRAP_SERVERS)}"):
            self.supervisor.wait_ready([program.name for program in kafka.programs] if kafka else [])
        with self._step("Topics"):
            self._make_topics()
        self._write_env()
        self._start_processes()
        self.terminal.say(f"  Ready after {time.monotonic() - self.began:.1f} s.")
        self.terminal.say(
            banner(
                origin=self.origin,
                token=make_token(self.username),
                username=self.username,
                password=password,
                kafka=",".join(settings.KAFKA_BOOTSTRAP_SERVERS),
                notes=self.notes,
            )
        )
        self.terminal.muted = False
        if self.options.reload:
            threading.Thread(target=self._reload_on_change, daemon=True).start()

    def _start_redis(self) -> None:
        if os.environ.get("REDIS_URL"):
            self.notes.append("Redis is yours: REDIS_URL is set.")
            demand(check_redis())
            return
        embedded = prepare_redis(LOCAL_DIR / "redis")
        with self._step(f"Redis at {embedded.url}"):
            self.supervisor.start([embedded.program], rank=SERVERS)
            self.supervisor.wait_ready([embedded.program.name])
        self._set(REDIS_URL=embedded.url)

    def _start_kafka(self) -> EmbeddedKafka | None:
        """Start the brokers without waiting for them; None where the environment names some."""
        if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
            self.notes.append("Kafka is yours: KAFKA_BOOTSTRAP_SERVERS is set.")
            return None
        directory = LOCAL_DIR / "kafka"
        brokers = max(self.options.brokers, kept_brokers(directory))
        if brokers > self.options.brokers:
            self.notes.append(f"This folder's Kafka has {brokers} brokers, and keeps them.")
        with self._step("Kafka's programs and folders"):
            embedded = prepare_kafka(
                directory,
                brokers=brokers,
                on_missing=lambda count: self.terminal.say(f"  Fetching {count} of Kafka's jars (42 MB)"),
            )
        self.supervisor.start(embedded.programs, rank=SERVERS)
        self._set(KAFKA_BOOTSTRAP_SERVERS=embedded.bootstrap, REPLICATION_FACTOR=str(embedded.replication))
        return embedded

    def _make_topics(self) -> None:
        try:
            admin = make_admin()
        except Unavailable as error:
            where = ",".join(settings.KAFKA_BOOTSTRAP_SERVERS)
            raise CannotStart(f"{error}: start Kafka at {where}, or mend KAFKA_BOOTSTRAP_SERVERS.") from error
        try:
            ensure_topics(admin)
            if settings.REPLICATION_FACTOR > 1 and replicate_everywhere(admin, settings.REPLICATION_FACTOR):
                self.notes.append("Every partition is being copied to all brokers: there was one before.")
        finally:
            close_quietly(admin)

    def _start_processes(self) -> None:
        """Web, the loops and the shoppers, all at once; wait for each one's heartbeat."""
        traffic = self.options.traffic
        names = process_names(traffic=traffic)
        with self._step(f"Processes: {', '.join(names)}"):
            for rank in (WEB, LOOPS, SIMULATE):
                programs = shop_programs(
                    rank, traffic=traffic, web_arguments=["--port", str(self.options.port)]
                )
                self.supervisor.start(programs, rank=rank)
            self.supervisor.wait_ready_restarting(names, within=PROCESSES_WITHIN)

    def _write_env(self) -> None:
        """What other commands, and clients in other languages, need to find this demo."""
        names = ("KAFKA_BOOTSTRAP_SERVERS", "REPLICATION_FACTOR", "REDIS_URL", "DATABASE_URL", "SHOP_ORIGIN")
        more = ("GATEWAY_URL", "STAFF_USERNAME", "STAFF_PASSWORD", "EXPECTED_PROCESSES", "DEMO")
        self._set(DEMO="1", EXPECTED_PROCESSES=",".join(process_names(traffic=self.options.traffic)))
        folder.write_env({name: os.environ[name] for name in (*names, *more) if os.environ.get(name)})

    def _stop(self) -> None:
        """Stop whatever runs, Kafka last, and take away what pointed here."""
        self.terminal.muted = True
        running = bool(self.supervisor.names())
        began = time.monotonic()
        if running:
            self.terminal.say("\n  Stopping ...")
        self.supervisor.stop()
        dismiss_guard()
        for log in self.logs:
            log.close()
        folder.remove_env()
        forget_tokens()
        if running:
            self.terminal.say(f"  Stopped in {time.monotonic() - began:.1f} s. The data stay in {LOCAL_DIR}.")

    def _reload_on_change(self) -> None:
        """Restart the shop's processes when a Python file changes; servers go on."""
        for _changes in watch(BASE_DIR, watch_filter=PythonFilter(), stop_event=self.supervisor.stopping):
            self.supervisor.ask_restart(ranks=(SIMULATE, WEB, LOOPS))

    @contextmanager
    def _step(self, text: str) -> Iterator[None]:
        """One line a step: what, and how long it took. Raises Stopped when asked to stop meanwhile."""
        began = time.monotonic()
        yield
        if self.supervisor.stopping.is_set():
            raise Stopped
        self.terminal.say(f"  {text} {'.' * max(2, 84 - len(text))} {time.monotonic() - began:5.1f} s")

    def _set(self, **values: str) -> None:
        """Set variables that the children inherit, and the settings of this process that they stand for."""
        os.environ.update(values)
        for name, value in values.items():
            setting = getattr(settings, name)
            setattr(settings, name, value.split(",") if isinstance(setting, list) else type(setting)(value))

    def _echo_of(self, name: str) -> Callable[[str], None]:
        """Where the lines of the named process go."""
        log = LogFile(LOCAL_DIR / "logs" / f"{name}.log")
        self.logs.append(log)
        return tee(name, self.terminal, log)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        set_from_signal(self.supervisor.stopping)
