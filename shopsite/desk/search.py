"""Find rows by how a text of theirs begins, by an index. */admin.py -> here -> LIKE or a range.

PostgreSQL's LIKE uses an index of a pattern's operator class; SQLite's uses none where Django asks, so
there the beginning is a range.
"""

import string
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
