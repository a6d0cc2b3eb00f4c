"""Find rows by how a text of theirs begins, by an index. */admin.py -> here -> LIKE or a range.

PostgreSQL's LIKE uses an index of a pattern's operator class; SQLite's uses none where Django asks, so
there the beginning is a range.
"""

import string
from collections.abc import Collection
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.functions import Lower

Row = TypeVar("Row", bound=Model)
LAST = "\U0010ffff"  # sorts after every text with the same beginning
ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def beginning(rows: QuerySet[Row], column: str, term: str) -> QuerySet[Row]:
    """The rows whose column, as it stands, begins with the term."""
    if connection.vendor == "sqlite":
        return rows.filter(**{f"{column}__gte": term, f"{column}__lt": term + LAST})
    return rows.filter(**{f"{column}__startswith": term})


def beginning_in_any_case(rows: QuerySet[Row], column: str, term: str) -> QuerySet[Row]:
    """The rows whose column begins with the term, however either is written.

    Needs an index on lower(column) of the rows where it is not empty: orders/indexes.py.
    """
    # SQLite's lower() knows ASCII only, so the term must not know more
    lowered = term.translate(ASCII_LOWER) if connection.vendor == "sqlite" else term.lower()
    filled: Any = rows.filter(**{f"{column}__gt": ""}).alias(lowered=Lower(column))
    found: QuerySet[Row] = beginning(filled, "lowered", lowered)
    return found


def among(rows: QuerySet[Row], keys: Collection[Any]) -> QuerySet[Row]:
    """The rows with these keys, looked up by them, however they are sorted.

    PostgreSQL would rather read the whole index of the order, hoping to meet a page of them soon: the
    subquery's limit keeps it from that (benchmarks/admin.py, search by name).
    """
    found = rows.model._default_manager.filter(pk__in=keys).order_by().values("pk")
    kept: QuerySet[Row] = rows.filter(pk__in=found[: max(1, len(keys))])
    return kept
