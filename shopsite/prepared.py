"""Queries whose SQL is made once, for what is read very often. Selectors -> here -> the database.

Django makes a query's SQL anew whenever it is asked, which costs several times what running it does.
benchmarks/api.py
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row", bound=tuple[Any, ...])
KEY: Final = "\0key"  # stands for a text in a query, until the text is known; no database keeps such a text


class Prepared(Generic[Row]):
    """Rows of values by one text. make: the query of KEY, by values_list; it is called once a thread."""

    def __init__(self, make: Callable[[], QuerySet[Any, Row]]) -> None:
        self._make = make
        self._of_thread = threading.local()

    def __call__(self, key: str) -> list[Row]:
        """The rows where KEY is this."""
        made: _Made | None = getattr(self._of_thread, "made", None)
        if made is None:
            made = self._of_thread.made = _Made(self._make())
        return made.rows(made.sql, made.params(key))


def merged(query: QuerySet[Any, Row], *, keys: Sequence[str], by: Sequence[int], limit: int) -> list[Row]:
    """The first rows of a query for each of several texts in KEY's place, which are made one list.

    query: by values_list, of `limit` rows, in the order of the columns `by` (1 is the first).
    """
    made = _Made(query)
    parts = " UNION ALL ".join(f"SELECT * FROM ({made.sql}) AS part{number}" for number in range(len(keys)))
    order = ", ".join(map(str, by))
    params = [param for key in keys for param in made.params(key)]
    return made.rows(f"{parts} ORDER BY {order} LIMIT {limit}", params)


class _Made:
    """A query's SQL on this thread's connection, and what turns its columns into Python's values."""

    def __init__(self, query: QuerySet[Any, Any]) -> None:
        self.compiler: SQLCompiler = query.query.get_compiler(query.db)
        self.sql, self._params = self.compiler.as_sql()
        self._converters = self.compiler.get_converters([column for column, _, _ in self.compiler.select])

    def params(self, key: str) -> list[Any]:
        return [key if param == KEY else param for param in self._params]

    def rows(self, sql: str, params: Sequence[Any]) -> list[Any]:
        with self.compiler.connection.cursor() as cursor:
            cursor.execute(sql, params)
            found = cursor.fetchall()
        return [tuple(row) for row in self.compiler.apply_converters(found, self._converters)]
