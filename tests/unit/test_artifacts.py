"""Kafka's jars come from the lock, whole and unaltered; a small HTTP server stands for the repository."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shopsite.runtime import artifacts
from shopsite.runtime.artifacts import Jar, fetch_jars, read_lock
from shopsite.runtime.problems import CannotStart

CONTENT = b"what the lock names"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the repository keeps its one jar; the lock names that jar."""
    lock = tmp_path / "kafka.lock"
    lock.write_text(f"# a lock\n{JAR.group}:{JAR.artifact}:{JAR.version} {JAR.sha256}\n")
    monkeypatch.setattr(artifacts, "read_lock", partial(read_lock, lock))
    monkeypatch.setenv("SHOP_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "repository" / JAR.address
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "repository")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}/")
    yield file
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_missing_jar_is_fetched_once(repository: Path) -> None:
    missing: list[int] = []
    (path,) = fetch_jars(missing.append)
    assert path.read_bytes() == CONTENT and missing == [1]
    repository.unlink()
    assert fetch_jars(missing.append) == [path] and missing == [1]


def test_half_a_file_in_the_cache_is_fetched_again(repository: Path) -> None:
    (path,) = fetch_jars()
    path.write_bytes(CONTENT[:5])
    assert fetch_jars()[0].read_bytes() == CONTENT


def test_a_jar_that_is_not_the_locked_one_is_refused(repository: Path) -> None:
    repository.write_bytes(b"something else")
    with pytest.raises(CannotStart, match=r"is not the file that kafka\.lock names"):
        fetch_jars()
    assert list(artifacts.cache_dir(artifacts.JARS).iterdir()) == []


def test_without_a_network_the_first_start_says_what_to_do(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAVEN_REPOSITORY", "http://127.0.0.1:1")
    with pytest.raises(CannotStart, match=r"cannot be fetched .*refused.*The first start needs a network"):
        fetch_jars()


def test_without_a_network_a_later_start_works(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch_jars()
    monkeypatch.setenv("MAVEN_REPOSITORY", "http://127.0.0.1:1")
    assert len(fetch_jars()) == 1


def test_a_cache_that_cannot_be_written_is_replaced_by_the_local_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("SHOP_CACHE_DIR", str(blocked))
    monkeypatch.setattr(artifacts, "LOCAL_DIR", tmp_path / "local")
    assert artifacts.cache_dir(artifacts.JARS) == tmp_path / "local" / "cache" / "jars"


def test_the_committed_lock_has_kafka_and_its_log() -> None:
    jars = {jar.artifact: jar for jar in read_lock()}
    assert jars["kafka_2.13"].version == jars["kafka-clients"].version == "4.4.0"
    assert "log4j-slf4j-impl" in jars  # without it a broken broker says nothing
    assert all(len(jar.sha256) == 64 for jar in jars.values())
