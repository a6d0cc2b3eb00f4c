"""Figures as rows, one a figure, for other programs. selectors.py -> here -> report --format, the API.

Row: `section`, `name`, `figure`, `value`. A minute's rows bear its time as name, a product's its id; amounts
are exact decimals with their currency as figure. So a new figure is a new row, never a new column.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from shopsite.cells import harmless

Format = Literal["csv", "jsonl"]
# the field that names a row of a list
NAMES = {
    "products": "product_id",
    "minutes": "at",
    "demand": "product_id",
    "trending": "product_id",
    "searches_in_vain": "words",
    "dropoff": "stage",
    "items": "name",
    "buckets": "at",
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")  # an amount: a negative one is no formula


class Row(NamedTuple):
    """One figure."""

    section: str
    name: str
    figure: str
    value: int | float | str | None  # None: not known


def rows_of(report: Mapping[str, Any]) -> Iterator[Row]:
    """The figures of Report.as_json(), or of an answer of the API, in its order."""
    for section, content in report.items():
        if isinstance(content, Mapping):
            yield from _nested(section, "", content)
        elif isinstance(content, list):
            yield from _listed(section, section, content)
        elif content is not None:  # else not made lately
            yield Row("total" if isinstance(content, int) else "range", "", section, content)


def _listed(section: str, what: str, content: Sequence[Any]) -> Iterator[Row]:
    if what in NAMES:
        for one in content:
            rest = {field: value for field, value in one.items() if field != NAMES[what]}
            yield from _nested(section, one[NAMES[what]], rest)
    else:
        yield from (Row(section, str(place), "", text) for place, text in enumerate(content, start=1))


def _nested(section: str, name: str, content: Mapping[str, Any], prefix: str = "") -> Iterator[Row]:
    for figure, value in content.items():
        if isinstance(value, Mapping):
            yield from _nested(section, name, value, f"{prefix}{figure}.")
        elif isinstance(value, list):
            yield from _listed(f"{section}.{figure}", figure, value)
        else:
            yield Row(section, name, f"{prefix}{figure}", value)


def written(rows: Iterable[Row], how: Format) -> str:
    """The rows as CSV with a header, or as JSON Lines."""
    if how == "jsonl":
        return "".join(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(_safe(row) for row in rows)
    return text.getvalue()


def _safe(row: Row) -> list[object]:
    """Names were written by strangers: a spreadsheet must not take one for a formula."""
    return [harmless(cell) if isinstance(cell, str) and not _NUMBER.fullmatch(cell) else cell for cell in row]
