"""The real recordings beside the project, and small ones made on the spot."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from shopsite.config import BASE_DIR
from shopsite.traffic.formats import checked_format
from shopsite.traffic.recordings import Recorded, Tally, open_recording

SHARED = BASE_DIR.parent / "shared" / "data"
REES46 = SHARED / "rees46" / "rees46_2019-11-01_slice.csv"
OTTO = SHARED / "otto" / "otto_train_fixture.jsonl"
ONLINE_RETAIL = SHARED / "online_retail" / "online_retail.csv.gz"
RETAIL_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason=f"the recorded shop data are not at {SHARED}: the clone stands alone"
)


def facts(recording: Path) -> dict[str, Any]:
    """The figures that were computed beside the project."""
    found: dict[str, Any] = json.loads((recording.parent / "facts.json").read_text())
    return found


def read(path: Path, format_name: str) -> tuple[list[Recorded], Tally]:
    """All events of a recording, and what was met on the way."""
    recording, tally = open_recording(path), Tally()
    return list(checked_format(recording, format_name).read(recording, tally)), tally


def retail_file(folder: Path, lines: Iterable[str], name: str = "retail.csv") -> Path:
    """A recording of the online-retail format with these lines."""
    path = folder / name
    path.write_text("\n".join([RETAIL_HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def part_of_online_retail(folder: Path, lines: int) -> Path:
    """The first so many lines of the real recording, header included."""
    path = folder / f"online_retail_{lines}.csv"
    with gzip.open(ONLINE_RETAIL, "rb") as whole, path.open("wb") as part:
        part.writelines(line for line, _ in zip(whole, range(lines), strict=False))
    return path
