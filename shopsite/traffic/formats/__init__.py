"""Every format that a recording may have: one file each, one table. replay.py -> here -> a reader."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from shopsite.traffic.formats import jsonl, mapped, online_retail, otto, rees46, taobao
from shopsite.traffic.recordings import Recorded, Recording, Tally, WrongFile

SAMPLE_LINES = 20  # without a header, a wrong first line must not condemn the file


@dataclass(frozen=True)
class Format:
    """How one kind of recording is known and read."""

    name: str
    looks: str  # what a line or the header looks like, for error messages
    recognises: Callable[[Sequence[str]], bool]  # the file's first lines -> is it of this format
    read: Callable[[Recording, Tally], Iterator[Recorded]]
    in_order: bool = True  # by time; otherwise --speed N needs to sort


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "rees46",
            f"a header with {', '.join(rees46.COLUMNS)}",
            rees46.recognises,
            rees46.read,
        ),
        Format(
            "taobao",
            "lines of user,item,category,pv|cart|fav|buy,seconds",
            taobao.recognises,
            taobao.read,
            in_order=False,
        ),
        Format(
            "otto",
            'lines of {"session": ..., "events": [...]}',
            otto.recognises,
            otto.read,
            in_order=False,
        ),
        Format(
            "online-retail",
            f"a header with {', '.join(online_retail.COLUMNS)}",
            online_retail.recognises,
            online_retail.read,
        ),
        Format(
            "jsonl",
            "lines that are messages of our topics, in JSON",
            jsonl.recognises,
            jsonl.read,
        ),
    )
}


MAPPED = "csv"  # the format that a mapping file explains


def checked_format(recording: Recording, name: str, mapping: Path | None = None) -> Format:
    """The format of that name, where the file begins so. Raises WrongFile, saying what it looks like."""
    if (name == MAPPED) != (mapping is not None):
        raise WrongFile(f"--mapping belongs to --format {MAPPED}, and that needs it.")
    sample = [text for _, text in islice(recording.lines(), SAMPLE_LINES)]
    wanted = _mapped(mapping) if mapping else FORMATS[name]
    if wanted.recognises(sample):
        return wanted
    other = next((each.name for each in FORMATS.values() if each.recognises(sample)), None)
    hint = f"it looks like {other}: try --format {other}" if other else "it looks like none that is known"
    raise WrongFile(f"{recording.path} is not in the format {name} ({wanted.looks}); {hint}.")


def _mapped(path: Path) -> Format:
    reader = mapped.Mapped(mapped.read_mapping(path))
    looks = f"lines with the columns that {path} names"
    return Format(MAPPED, looks, reader.recognises, reader.read, in_order=False)
