"""Packed copies of static files, made once and kept beside Kafka's jars. static_files.py -> here.

A name says what is in the file, so that a copy is never of another version. What lies packed beside the
file, X.js.br beside X.js, is taken as it is.
"""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import brotli

from shopsite.assets.finder import write_whole

SUFFIXES: Final = {".js", ".css", ".svg", ".json", ".html", ".txt"}  # fonts and photos are packed already
SMALLEST: Final = 1024  # bytes: below, a packet is sent either way
WORTH: Final = 0.9  # of the file's size: a copy that is larger is not made
PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": lambda data: brotli.compress(data, quality=9),  # 11 takes seconds for 8 % less of a large file
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),  # browsers take no Brotli over plain HTTP
}


def packed(path: Path, folder: Path) -> dict[str, str]:
    """The copies of a file by content encoding, where they pay. Makes those that are missing."""
    if path.suffix not in SUFFIXES or path.stat().st_size < SMALLEST:
        return {}
    data = path.read_bytes()
    name = hashlib.sha256(data).hexdigest()[:32]
    copies = {encoding: folder / f"{name}.{encoding}" for encoding in PACKERS}
    shipped = path.with_name(f"{path.name}.br")
    if shipped.exists():
        copies["br"] = shipped
    for encoding, copy in copies.items():
        if not copy.exists():
            write_whole(copy, PACKERS[encoding](data))
    return {
        encoding: str(copy) for encoding, copy in copies.items() if copy.stat().st_size < len(data) * WORTH
    }
