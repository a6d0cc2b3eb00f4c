"""Whether each part works, and how to mend it: parts -> here -> /readyz, `manage.py doctor`."""

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kafka import codec
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from shopsite.events.heartbeat import read_beats
from shopsite.events.kafka import close_quietly, make_admin
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import TOPICS, topic_name
from shopsite.runtime.ports import answers

CODECS = {
    "gzip": codec.has_gzip,
    "snappy": codec.has_snappy,
    "lz4": codec.has_lz4,
    "zstd": codec.has_zstd,
}  # that Kafka's producers may compress batches with
FRESH_SECONDS = 8.0  # a heartbeat comes every second; a loop in a long batch may skip some


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    ok: bool
    what: str  # how it is
    mend: str = ""  # what to do, where it is not ok

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def check_database() -> Finding:
    """The database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, ImproperlyConfigured) as error:
        return Finding("database", False, _line(error), "Start the database, or mend DATABASE_URL.")
    return Finding("database", True, f"{connection.vendor} answers")


def check_migrations() -> Finding:
    """The tables are those of this version."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Finding("migrations", False, _line(error), "Mend the database first.")
    if waiting:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in waiting[:3])
        return Finding(
            "migrations", False, f"{len(waiting)} not applied: {names}", "Run `manage.py migrate`."
        )
    return Finding("migrations", True, "all applied")


def check_redis() -> Finding:
    """Redis answers and takes writes."""
    where = settings.REDIS_URL.rpartition("://")[2].rpartition("@")[2]  # anybody may read this: no password
    try:
        redis_client().set(f"{settings.REDIS_PREFIX}check", int(time.time()), ex=60)
    except (RedisError, OSError) as error:
        return Finding("redis", False, _line(error), f"Start Redis at {where}, or mend REDIS_URL.")
    return Finding("redis", True, f"{where} answers and takes writes")


def check_broker() -> Finding:
    """A broker answers, our topics exist, and every partition has a leader."""
    where = ",".join(settings.KAFKA_BOOTSTRAP_SERVERS)
    mend = f"Start Kafka at {where}, or mend KAFKA_BOOTSTRAP_SERVERS; orders wait in the outbox meanwhile."
    # asked first, since a client would try for seconds
    if not any(answers(int(port), host) for host, _, port in map(_split, settings.KAFKA_BOOTSTRAP_SERVERS)):
        return Finding("broker", False, f"nothing listens at {where}", mend)
    try:
        admin = make_admin()
        try:
            found = {str(topic["name"]): topic for topic in admin.describe_topics()}
        finally:
            close_quietly(admin)
    except (KafkaError, Unavailable, OSError) as error:
        return Finding("broker", False, _line(error), mend)
    missing = [name for name in TOPICS if topic_name(name) not in found]
    if missing:
        return Finding(
            "broker", False, f"topics missing: {', '.join(missing)}", "Run `manage.py topics create`."
        )
    headless = [
        f"{name}-{partition['partition_index']}"
        for name in TOPICS
        for partition in found[topic_name(name)]["partitions"]
        if partition["leader_id"] < 0
    ]
    if headless:
        return Finding(
            "broker", False, f"no leader for {', '.join(headless)}", "Start the brokers that are down."
        )
    return Finding("broker", True, f"{where} answers, {len(TOPICS)} topics")


def check_codecs() -> Finding:
    """Whatever other producers compress with can be read; a batch that can't holds its partition up."""
    missing = [name for name, is_there in CODECS.items() if not is_there()]
    if missing:
        return Finding("codecs", False, f"can't read {', '.join(missing)}", "Run `make setup`.")
    return Finding("codecs", True, f"reads {', '.join(CODECS)}")


def check_gateway() -> Finding:
    """The payment gateway answers; without it orders are taken and charged later."""
    where, mend = (
        settings.GATEWAY_URL,
        "Start `manage.py gateway`, or mend GATEWAY_URL; orders wait meanwhile.",
    )
    if settings.PAYMENT_GATEWAY == "stripe":
        where, mend = (
            settings.STRIPE_URL,
            "Let this machine reach it, or mend STRIPE_URL; orders wait meanwhile.",
        )
    parts = urlsplit(where)
    if not answers(parts.port or 443, parts.hostname or ""):
        return Finding("gateway", False, f"nothing listens at {where}", mend)
    return Finding("gateway", True, f"{where} answers")


def check_mail() -> Finding:
    """The mail server lets us in; without it mails wait. Where mails become files, it says so."""
    if not settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend"):
        return Finding("mail", True, f"written to {settings.EMAIL_FILE_PATH}: nobody is sent any")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        server = get_connection()
        try:
            server.open()
        finally:
            server.close()
    except OSError as error:  # SMTP's own are such, too
        mend = "Mend the EMAIL_ variables (docs/settings.md), or the server; mails wait meanwhile."
        return Finding("mail", False, f"{where}: {_line(error)}", mend)
    return Finding("mail", True, f"{where} lets us in, {settings.EMAIL_TLS}")


def check_processes() -> list[Finding]:
    """Each expected process has sent a heartbeat lately."""
    try:
        beats = read_beats()
    except (RedisError, OSError):
        beats = []
    now = time.time()
    ages: dict[str, float] = {}
    for beat in beats:
        age = now - float(beat["at"])
        ages[beat["name"]] = min(age, ages.get(beat["name"], age))
    return [_process(name, ages.get(name)) for name in settings.EXPECTED_PROCESSES]


def check_own_process(name: str) -> Finding:
    """The process of that name on this host has sent a heartbeat lately: what a container asks of itself."""
    try:
        beats = read_beats()
    except (RedisError, OSError) as error:
        return Finding("redis", False, _line(error), "Heartbeats are kept there: see REDIS_URL.")
    own = [beat for beat in beats if beat["name"] == name and beat["host"] == socket.gethostname()]
    return _process(name, min((time.time() - float(beat["at"]) for beat in own), default=None))


def ready() -> list[Finding]:
    """What must be well before traffic is let in, checked side by side."""
    singles: Sequence[Callable[[], Finding]] = (check_broker, check_redis)
    with ThreadPoolExecutor(len(singles)) as pool:
        futures = [pool.submit(check) for check in singles]
        # in this thread, whose database connection is there already
        found = [check_database(), check_migrations()]
        found += [future.result() for future in futures]
    return found + check_processes()


def _process(name: str, age: float | None) -> Finding:
    mend = f"Start `manage.py {name}`; in a demo, logs/{name}.log says why it does not run."
    if age is None:
        return Finding(name, False, "no heartbeat", mend)
    if age > FRESH_SECONDS:
        return Finding(name, False, f"last heartbeat {age:.0f} s ago", mend)
    return Finding(name, True, "beats")


def _split(address: str) -> tuple[str, str, str]:
    """host, ":", port of host:port; 9092 where no port is given."""
    host, colon, port = address.rpartition(":")
    return (host.strip("[]"), colon, port) if colon else (address, ":", "9092")


def _line(error: BaseException) -> str:
    """The error in one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
