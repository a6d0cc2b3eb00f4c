"""Write many rows of one model at once. Batches of orders and stock -> here -> COPY or executemany.

Building model objects costs more than the database does: benchmarks/replay.py.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, models

Row = Sequence[object]


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows, their values in the order of `columns` (attribute names, such as `order_id`).

    Fields that are not named get their default; the database numbers the rows.
    No model's save() runs. Raises IntegrityError as any insert does.
    """
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in columns]
    rest = [field for field in by_name.values() if field not in fields and not _numbered(field)]
    constants = tuple(field.get_db_prep_save(field.get_default(), connection) for field in rest)
    full = [(*row, *constants) for row in rows]
    if not full:
        return
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in (*fields, *rest))
    table = quote(model._meta.db_table)
    if connection.vendor == "postgresql":
        _copy(f"COPY {table} ({names}) FROM STDIN", full)
        return
    marks = ", ".join(["%s"] * (len(fields) + len(rest)))
    writers = [*(_writer(field) for field in fields), *(None for _ in rest)]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", _prepared(full, writers))


def _numbered(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, models.AutoField)


def _copy(statement: str, rows: Iterable[Row]) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.cursor.copy(statement) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _writer(field: "models.Field[Any, Any]") -> Callable[[Any], object] | None:
    """What turns a value into the database's form; None where the driver takes it as it is."""
    if not isinstance(field, models.DecimalField | models.DateTimeField):
        return None
    seen: dict[object, object] = {}  # a batch repeats few times and prices: formatting them once pays

    def write(value: object) -> object:
        if value not in seen:
            seen[value] = field.get_db_prep_save(value, connection)
        return seen[value]

    return write


def _prepared(
    rows: list[tuple[object, ...]], writers: list[Callable[[Any], object] | None]
) -> list[tuple[Any, ...]]:
    columns: list[Iterable[object]] = [
        values if writer is None else map(writer, values)
        for values, writer in zip(zip(*rows, strict=True), writers, strict=True)
    ]
    return list(zip(*columns, strict=True))
