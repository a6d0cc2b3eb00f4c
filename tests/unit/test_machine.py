"""What is looked up on the machine: Java, Redis, ports, Python; and what is said where it is missing."""

import importlib.util
import socket
from pathlib import Path
from types import ModuleType

import pytest

from shopsite.config import BASE_DIR
from shopsite.runtime import checks, java, login, ports, precheck
from shopsite.runtime.java import find_java
from shopsite.runtime.problems import CannotStart


def fake_java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake_java(tmp_path, "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert find_java() == java.Java(program, 21)


@pytest.mark.parametrize(("told", "version"), [("1.8.0_292", 8), ("17.0.15", 17), ("25", 25)])
def test_versions_of_old_and_new_javas_are_read(tmp_path: Path, told: str, version: int) -> None:
    assert java.java_version(fake_java(tmp_path, told)) == version


def test_an_old_java_alone_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(tmp_path, "1.8.0_292")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(java, "_wheel_java", lambda: iter(()))
    with pytest.raises(CannotStart, match=r"Java 17 or newer \(.* is version 8\): run `make setup`"):
        find_java()


def test_ports_are_kept_while_they_are_free(tmp_path: Path) -> None:
    kept = ports.kept_ports(tmp_path / "ports.json", ["broker1", "controller1"])
    assert ports.kept_ports(tmp_path / "ports.json", ["broker1", "controller1"]) == kept
    with socket.socket() as other:
        other.bind((ports.HOST, kept["broker1"]))
        other.listen()
        moved = ports.kept_ports(tmp_path / "ports.json", ["broker1", "controller1"])
    assert moved["controller1"] == kept["controller1"] and moved["broker1"] != kept["broker1"]


def test_a_port_in_use_names_its_owner_and_another_port() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {number} is in use.*process \d+.*--port {number + 1}"):
            precheck.check_port(ports.HOST, number)


def test_a_disk_that_is_nearly_full_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precheck, "NEEDED_MEGABYTES", 10**9)
    with pytest.raises(CannotStart, match=r"MB left and a demo needs .*SHOP_LOCAL_DIR"):
        precheck.check_disk()


def test_a_login_link_works_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "LOCAL_DIR", tmp_path)
    token = login.make_token("staff")
    (kept,) = (tmp_path / "login").iterdir()
    assert token not in kept.name and kept.stat().st_mode & 0o077 == 0
    assert login.spend_token(token) == "staff"
    with pytest.raises(login.LinkSpent):
        login.spend_token(token)


def test_an_old_login_link_works_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "LOCAL_DIR", tmp_path)
    monkeypatch.setattr(login, "MAX_AGE_SECONDS", -1)
    with pytest.raises(login.LinkSpent):
        login.spend_token(login.make_token("staff"))


@pytest.fixture
def setup_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_tool", BASE_DIR / "tools" / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_one_clear_sentence(
    setup_tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup_tool.sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "")
    assert setup_tool.main() == 1
    assert "python3 is version 3.9, and no python3.11" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'",
            "needs a network",
        ),
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "sha256 differs"),
        ("ERROR: something new", "pip could not install"),
    ],
)
def test_what_pip_says_is_put_in_words(setup_tool: ModuleType, output: str, words: str) -> None:
    told = setup_tool.explain(output)
    assert words in told and output in told


def test_a_codec_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_codecs().ok
    monkeypatch.setitem(checks.CODECS, "snappy", lambda: False)
    found = checks.check_codecs()
    assert (found.ok, found.what, found.mend) == (False, "can't read snappy", "Run `make setup`.")
