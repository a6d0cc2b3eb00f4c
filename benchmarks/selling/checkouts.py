"""Checkouts a second (place_order, a transaction each) by several processes: spread products, one hot one."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support import ROOT

from selling.elsewhere import PRODUCTS

BUYER = Path(__file__).with_name("buyer.py")
SPREAD = [f"SKU-{number:04}" for number in range(PRODUCTS)]
HOT = SPREAD[:1]


def measure(buyers: int, seconds: float, skus: Sequence[str], env: Mapping[str, str] = os.environ) -> float:
    """Orders a second that so many processes place together."""
    pipe = subprocess.PIPE
    command = [sys.executable, str(BUYER), str(seconds), ",".join(skus)]
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=dict(env), cwd=ROOT)
        for _ in range(buyers)
    ]
    try:
        for process in processes:
            assert process.stdout and process.stdout.readline() == "ready\n", "a buyer did not start"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=seconds + 60)[0] for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    return sum(int(text) for text in said) / seconds


@contextmanager
def sqlite_shop() -> Iterator[dict[str, str]]:
    """The environment of a shop on SQLite of its own, with the same products."""
    with tempfile.TemporaryDirectory(prefix="shopsite-bench-sqlite-") as folder:
        env = dict(os.environ)
        env |= {"SHOP_LOCAL_DIR": folder, "DATABASE_URL": ""}
        for code in (
            "from django.core.management import call_command; call_command('migrate', verbosity=0)",
            "from selling.elsewhere import stock_up; stock_up()",
        ):
            subprocess.run(
                [sys.executable, "-c", f"import django; django.setup(); {code}"],
                env=env | {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"},
                cwd=ROOT,
                check=True,
            )
        yield env
