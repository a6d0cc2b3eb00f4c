"""Count and find in several queries at once, never further than is shown. Querysets -> here -> one query."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet


def capped_counts(queries: Mapping[str, QuerySet[Any]], limit: int) -> dict[str, int]:
    """How many rows each of the named queries has, counted no further than limit + 1."""
    found = _union("SELECT %s, COUNT(*) FROM ({}) AS counted", queries, limit + 1)
    return {name: int(count) for name, count in found}


def first_keys(queries: Mapping[str, QuerySet[Any]], limit: int) -> dict[str, list[Any]]:
    """The primary keys, or the one value that it asks for, of the first rows of each named query."""
    keys: dict[str, list[Any]] = {name: [] for name in queries}
    for name, key in _union("SELECT %s, found.* FROM ({}) AS found", queries, limit):
        keys[name].append(key)
    return keys


def capped_text(count: int, limit: int) -> str:
    """A number from capped_counts as it is shown."""
    return f"{limit:,}+" if count > limit else f"{count:,}"


def _union(form: str, queries: Mapping[str, QuerySet[Any]], limit: int) -> list[tuple[Any, ...]]:
    parts: list[str] = []
    params: list[Any] = []
    for name, rows in queries.items():
        keys = rows if rows.query.values_select else rows.values("pk")
        statement, values = keys[:limit].query.sql_with_params()
        parts.append(form.format(statement))
        params += [name, *values]
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params)
        return list(cursor.fetchall())
