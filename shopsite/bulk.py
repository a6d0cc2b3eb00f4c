"""Write and find many rows of a model at once. Batches of orders, stock, events -> here -> COPY, executemany.

Building model objects costs more than the database does, and so would handing each row to the driver:
a batch is turned into text, or into arrays, column by column. What a statement needs to know of its model is
looked up once: batches are often of one row. benchmarks/orders.py.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    Field = models.Field[Any, Any]  # generic in the stubs only
else:
    Field = models.Field

Row = Sequence[object]
Texts = Iterable[str]
NULL = "\\N"
SPECIAL = "\\\t\n\r"
ESCAPED = str.maketrans(dict(zip(SPECIAL, (r"\\", r"\t", r"\n", r"\r"), strict=True)))


class _Target(NamedTuple):
    """The columns of a table that rows are written to, and what fills the others."""

    fields: Sequence[Field]
    rest: Sequence[Field]
    constants: Sequence[Any]  # for the rest, in the database's form
    writers: Sequence[Callable[[Sequence[Any]], Texts]]  # of COPY's text, for each field
    end: str  # of COPY's lines: the rest
    into: str  # table (columns)


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Row], *, skip_known: bool = False
) -> None:
    """Insert rows, their values in the order of `columns` (attribute names, such as `order_id`).

    Fields that are not named get their default; the database numbers the rows.
    skip_known: leave out what a unique constraint refuses.
    No model's save() runs. Raises IntegrityError as any insert does.
    """
    values = list(zip(*rows, strict=True))  # by column
    if not values:
        return
    target = _target(model, tuple(columns), connection.vendor)
    if connection.vendor != "postgresql":
        _execute(target, values, skip_known=skip_known)
    elif skip_known:  # which COPY cannot
        _insert_arrays(target, values)
    else:
        _copy(target, values)


@cache
def _target(model: type[models.Model], columns: tuple[str, ...], _vendor: str) -> _Target:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in columns]
    rest = [field for name, field in by_name.items() if name not in columns and not _numbered(field)]
    for field in rest:
        if field.has_default() and callable(field.default) and field.default is not dict:
            raise TypeError(f"{field}: its default may be another one each time, so name the column")
    constants = [field.get_db_prep_save(field.get_default(), connection) for field in rest]
    writers = [_as_text(field) for field in fields]
    end = "".join(f"\t{next(iter(_as_text(field)([field.get_default()])))}" for field in rest) + "\n"
    names = ", ".join(_quoted(field.column) for field in (*fields, *rest))
    return _Target(fields, rest, constants, writers, end, f"{_quoted(model._meta.db_table)} ({names})")


def _quoted(name: object) -> str:
    return connection.ops.quote_name(str(name))


def insert_objects(objects: Sequence[models.Model], *, skip_known: bool = False) -> None:
    """Insert new objects of one model, as they stand, without building a statement for each kind of write.

    The database numbers the rows, and the objects do not learn their numbers. skip_known: as of insert().
    """
    if not objects:
        return
    model = type(objects[0])
    columns = [field.attname for field in model._meta.concrete_fields if not _numbered(field)]
    rows = [[getattr(row, name) for name in columns] for row in objects]
    insert(model, columns, rows, skip_known=skip_known)
    for row in objects:
        row._state.adding = False


def amend(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    by: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
) -> int:
    """Set columns of rows that exist: (key, value ...) each, only where they are as `where` says.

    by: the columns of the key, by default the primary key. Each names one row at most, and none twice.
    Returns how many rows were as `where` says, and have been changed.
    """
    values = list(zip(*rows, strict=True))  # by column
    if not values:
        return 0
    keys, limits = tuple(by or [model._meta.pk.attname]), where or {}
    fields, statement = _amendment(model, keys, tuple(columns), tuple(limits), connection.vendor)
    prepared = [_prepared(field, column) for field, column in zip(fields, values, strict=True)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(statement, [*map(list, prepared), *limits.values()])
        else:
            many = len(keys)
            cursor.executemany(
                statement,
                [(*row[many:], *row[:many], *limits.values()) for row in zip(*prepared, strict=True)],
            )
        return int(cursor.rowcount)


@cache
def _amendment(
    model: type[models.Model],
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    limits: tuple[str, ...],
    vendor: str,
) -> tuple[Sequence[Field], str]:
    """The fields whose values it takes, and an UPDATE: of all rows by arrays, elsewhere of one row."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields, table = [by_name[name] for name in (*keys, *columns)], _quoted(model._meta.db_table)
    key, new, held = ([_quoted(by_name[name].column) for name in names] for names in (keys, columns, limits))
    if vendor != "postgresql":
        sets = ", ".join(f"{name} = %s" for name in new)
        tests = " AND ".join(f"{name} = %s" for name in (*key, *held))
        return fields, f"UPDATE {table} SET {sets} WHERE {tests}"
    sets = ", ".join(f"{name} = new.{name}" for name in new)
    tests = " AND ".join(
        [*(f"{table}.{name} = new.{name}" for name in key), *(f"{table}.{name} = %s" for name in held)]
    )
    source = f"unnest({_arrays(fields)}) AS new ({', '.join((*key, *new))})"
    return fields, f"UPDATE {table} SET {sets} FROM {source} WHERE {tests}"


@models.ForeignKey.register_lookup
@models.Field.register_lookup
class AnyOf(In):
    """`filter(pk__any_of=keys)`: as `__in` with a collection of numbers or strings, for hundreds of them.

    The database takes them as one array, where `__in` costs client and planner a parameter for each.
    """

    lookup_name = "any_of"

    def get_prep_lookup(self) -> Any:  # noqa: ANN401
        """The keys as they are: the driver knows numbers and strings. Or a Slot for them: prepared.py."""
        return self.rhs if hasattr(self.rhs, "as_sql") else list(self.rhs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """`column` in an array. Raises EmptyResultSet where there is no key: then nothing is asked."""
        if not self.rhs:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        keys = array(self.rhs, connection) if isinstance(self.rhs, list) else self.rhs
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s)", [*params, keys]
        return f"{column} IN (SELECT value FROM json_each(%s))", [*params, keys]


def array(keys: list[Any], connection: BaseDatabaseWrapper) -> object:
    """Numbers or strings as one parameter."""
    return keys if connection.vendor == "postgresql" else json.dumps(keys)


def _numbered(field: Field) -> bool:
    return isinstance(field, models.AutoField)


# --- PostgreSQL: COPY takes text, a line a row; other statements take an array a column ----------
def _copy(target: _Target, values: Sequence[Sequence[Any]]) -> None:
    texts = [write(column) for write, column in zip(target.writers, values, strict=True)]
    lines = target.end.join(map("\t".join, zip(*texts, strict=True))) + target.end
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.cursor.copy(f"COPY {target.into} FROM STDIN") as copy,
    ):
        copy.write(lines)


def _insert_arrays(target: _Target, values: Sequence[Sequence[Any]]) -> None:
    columns = [list(_prepared(field, column)) for field, column in zip(target.fields, values, strict=True)]
    columns += [[value] * len(values[0]) for value in target.constants]
    source = f"unnest({_arrays((*target.fields, *target.rest))})"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {target.into} SELECT * FROM {source} ON CONFLICT DO NOTHING", columns)


def _arrays(fields: Sequence[Field]) -> str:
    """Parameters for unnest(): a type without its length, so that what is too long is refused and not cut."""
    kinds = (str(field.db_type(connection)) for field in fields)
    return ", ".join(f"%s::{kind.partition('(')[0]}[]" for kind in kinds)


def _as_text(field: Field) -> Callable[[Sequence[Any]], Texts]:
    """What turns a column's values into COPY's text."""
    kind = field.target_field if isinstance(field, models.ForeignKey) else field
    for types, write in _WRITERS:
        if isinstance(kind, types):
            return write
    raise TypeError(f"{field}: bulk.py does not know how COPY writes a {type(kind).__name__} yet")


def _strings(values: Sequence[str | None]) -> Texts:
    if None not in values and not any(map("".join(values).__contains__, SPECIAL)):  # type: ignore[arg-type]
        return values  # type: ignore[return-value]  # as nearly always
    return [NULL if value is None else value.translate(ESCAPED) for value in values]


def _plain(values: Sequence[object]) -> Texts:
    """Numbers and times, whose own text the database reads; a batch repeats few, so each is made once."""
    seen: dict[object, str] = {value: str(value) for value in set(values)}
    if None in seen:
        seen[None] = NULL
    return map(seen.__getitem__, values)


def _flags(values: Sequence[bool | None]) -> Texts:
    return map({True: "t", False: "f", None: NULL}.__getitem__, values)


def _bytes(values: Sequence[bytes | None]) -> Texts:
    return [NULL if value is None else f"\\\\x{bytes(value).hex()}" for value in values]


def _documents(values: Sequence[object]) -> Texts:
    return _strings([None if value is None else json.dumps(value) for value in values])


_WRITERS: Sequence[tuple[tuple[type[Field], ...], Callable[[Sequence[Any]], Texts]]] = (
    ((models.CharField, models.TextField), _strings),
    ((models.IntegerField, models.DecimalField, models.DateTimeField), _plain),
    ((models.BooleanField,), _flags),
    ((models.BinaryField,), _bytes),
    ((models.JSONField,), _documents),
)


# --- elsewhere ---------------------------------------------------------------------------------
def _execute(target: _Target, values: Sequence[Sequence[Any]], *, skip_known: bool) -> None:
    columns = [_prepared(field, column) for field, column in zip(target.fields, values, strict=True)]
    marks = ", ".join(["%s"] * (len(target.fields) + len(target.rest)))
    end = " ON CONFLICT DO NOTHING" if skip_known else ""
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {target.into} VALUES ({marks}){end}",
            [(*row, *target.constants) for row in zip(*columns, strict=True)],
        )


def _prepared(field: Field, values: Sequence[Any]) -> Iterable[object]:
    """The values in the database's form; the driver takes most as they are."""
    if isinstance(field, models.JSONField):
        return [field.get_db_prep_save(value, connection) for value in values]
    if not isinstance(field, models.DecimalField | models.DateTimeField):
        return values
    seen = {value: field.get_db_prep_save(value, connection) for value in set(values)}
    return map(seen.__getitem__, values)
