"""Statements whose SQL is made once, for what is asked very often. Selectors, services -> here -> database.

Django makes a query's SQL anew whenever it is asked, which costs several times what running it does.
benchmarks/api.py, benchmarks/orders.py
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from shopsite.bulk import array

Row = TypeVar("Row", bound=tuple[Any, ...])
Params = Sequence[Any]


class Slot(Expression):
    """Stands for a value of this name in a query, until it is known; by `__any_of`, for a list of them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name: Final = name

    def as_sql(self, _compiler: SQLCompiler, _connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """A parameter, in whose place the value is put when the statement runs."""
        return "%s", [self]


class Prepared(Generic[Row]):
    """Rows by one text. make: the query, with Slots; it is called once a thread.

    A query of objects gives rows, too: of the columns of its model, then of each that it selects along.
    """

    def __init__(self, make: Callable[[], QuerySet[Any, Row]]) -> None:
        self._made = _OfThread(lambda: _compiler(make()))

    def __call__(self, **values: object) -> list[Row]:
        """The rows where each Slot is the value of its name. Raises KeyError where one is missing."""
        made = self._made.get()
        return made.rows(made.sql, made.params(values))


class PreparedUpdate:
    """An UPDATE by one text. make: rows of one table; changes: as update() takes them; both with Slots."""

    def __init__(self, make: Callable[[], QuerySet[Any, Any]], **changes: object) -> None:
        def update() -> SQLCompiler:
            query = make()
            statement: Any = query.query.chain(UpdateQuery)
            statement.add_update_values(changes)
            compiler: SQLCompiler = statement.get_compiler(query.db)
            return compiler

        self._made = _OfThread(update)

    def __call__(self, **values: object) -> int:
        """How many rows were changed. Raises KeyError where a Slot has no value."""
        made = self._made.get()
        with made.compiler.connection.cursor() as cursor:
            cursor.execute(made.sql, made.params(values))
            return int(cursor.rowcount)


def merged(
    query: QuerySet[Any, Row], *, slot: str, of: Sequence[str], by: Sequence[int], limit: int
) -> list[Row]:
    """The first rows of a query for each of several texts in a Slot's place, which are made one list.

    query: by values_list, of `limit` rows, in the order of the columns `by` (1 is the first).
    """
    made = _Made(_compiler(query))
    parts = " UNION ALL ".join(f"SELECT * FROM ({made.sql}) AS part{number}" for number in range(len(of)))
    order = ", ".join(map(str, by))
    params = [param for text in of for param in made.params({slot: text})]
    return made.rows(f"{parts} ORDER BY {order} LIMIT {limit}", params)


def _compiler(query: QuerySet[Any, Any]) -> SQLCompiler:
    compiler: SQLCompiler = query.query.get_compiler(query.db)
    return compiler


class _OfThread:
    """What is made once a thread: a connection is a thread's own."""

    def __init__(self, make: Callable[[], SQLCompiler]) -> None:
        self._make, self._local = make, threading.local()

    def get(self) -> "_Made":
        made: _Made | None = getattr(self._local, "made", None)
        if made is None:
            made = self._local.made = _Made(self._make())
        return made


class _Made:
    """A statement's SQL on this thread's connection, and what turns its columns into Python's values."""

    def __init__(self, compiler: SQLCompiler) -> None:
        self.compiler = compiler
        self.sql, params = compiler.as_sql()
        self._params: Params = params  # Slots among them
        columns = [column for column, _, _ in compiler.select or ()]
        self._converters = compiler.get_converters(columns)

    def params(self, values: Mapping[str, object]) -> Params:
        return [
            self._bound(values[param.name]) if isinstance(param, Slot) else param for param in self._params
        ]

    def _bound(self, value: object) -> object:
        """As the driver takes it."""
        if isinstance(value, datetime):
            return self.compiler.connection.ops.adapt_datetimefield_value(value)
        return array(value, self.compiler.connection) if isinstance(value, list) else value

    def rows(self, sql: str, params: Params) -> list[Any]:
        with self.compiler.connection.cursor() as cursor:
            cursor.execute(sql, params)
            found = cursor.fetchall()
        return [tuple(row) for row in self.compiler.apply_converters(found, self._converters)]
