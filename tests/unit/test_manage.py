"""manage.py, from outside: what a user sees where something is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def manage(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command in an empty folder, on a SQLite of its own."""
    env = {**os.environ, "SHOP_LOCAL_DIR": str(folder)} | {"DATABASE_URL": ""}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", [("deadletters", "list"), ("reconcile",), ("seed",)])
def test_a_database_without_tables_is_named_in_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = manage(tmp_path, *command)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The database cannot be used: no such table")
    assert "`manage.py migrate`" in ended.stderr and ended.stderr.count("\n") == 1


def test_whoever_asks_for_the_traceback_gets_it(tmp_path: Path) -> None:
    assert "Traceback" in manage(tmp_path, "reconcile", "--traceback").stderr
