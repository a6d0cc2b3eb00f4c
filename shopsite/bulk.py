"""Write and find many rows of a model at once. Batches of orders, stock, events -> here -> COPY, executemany.

Building model objects costs more than the database does, and so would handing each row to the driver:
a batch is turned into text column by column. benchmarks/orders.py.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows, their values in the order of `columns` (attribute names, such as `order_id`).

    Fields that are not named get their default; the database numbers the rows.
    No model's save() runs. Raises IntegrityError as any insert does.
    """
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in columns]
    rest = [field for field in by_name.values() if field not in fields and not _numbered(field)]
    values = list(zip(*rows, strict=True))  # by column
    if not values:
        return
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in (*fields, *rest))
    table = quote(model._meta.db_table)
    if connection.vendor == "postgresql":
        _copy(f"COPY {table} ({names}) FROM STDIN", fields, values, rest)
    else:
        _execute(f"INSERT INTO {table} ({names}) VALUES", fields, values, rest)


def insert_objects(objects: Sequence[models.Model]) -> None:
    """Insert new objects of one model, as they stand, without building a statement for each kind of write.

    The database numbers the rows, and the objects do not learn their numbers.
    """
    if not objects:
        return
    model = type(objects[0])
    columns = [field.attname for field in model._meta.concrete_fields if not _numbered(field)]
    insert(model, columns, [[getattr(row, name) for name in columns] for row in objects])
    for row in objects:
        row._state.adding = False


def amend(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    where: Mapping[str, object] | None = None,
) -> int:
    """Set columns of rows that exist: (primary key, value ...) each, only where they are as `where` says.

    Returns how many rows were as it says, and have been changed.
    """
    values = list(zip(*rows, strict=True))  # by column
    if not values:
        return 0
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    key = by_name[model._meta.pk.attname]
    fields = [by_name[name] for name in columns]
    limits = [(by_name[name], value) for name, value in (where or {}).items()]
    quote = connection.ops.quote_name
    sets = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    tests = " AND ".join(f"{quote(str(field.column))} = %s" for field in (key, *(of for of, _ in limits)))
    prepared = [_prepared(field, column) for field, column in zip((key, *fields), values, strict=True)]
    rest: tuple[Any, ...] = tuple(value for _, value in limits)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {sets} WHERE {tests}",
            [(*row, pk, *rest) for pk, *row in zip(*prepared, strict=True)],
        )
        return int(cursor.rowcount)


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


# --- PostgreSQL: COPY takes text, a line a row -------------------------------------------------
def _copy(
    statement: str, fields: Sequence[Field], values: Sequence[Sequence[Any]], rest: Sequence[Field]
) -> None:
    texts = [_as_text(field)(column) for field, column in zip(fields, values, strict=True)]
    defaults = [next(iter(_as_text(field)([field.get_default()]))) for field in rest]
    end = "".join(f"\t{text}" for text in defaults) + "\n"
    lines = end.join(map("\t".join, zip(*texts, strict=True))) + end
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.cursor.copy(statement) as copy,
    ):
        copy.write(lines)


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
def _execute(
    statement: str, fields: Sequence[Field], values: Sequence[Sequence[Any]], rest: Sequence[Field]
) -> None:
    constants = tuple(field.get_db_prep_save(field.get_default(), connection) for field in rest)
    columns = [_prepared(field, column) for field, column in zip(fields, values, strict=True)]
    marks = ", ".join(["%s"] * (len(fields) + len(rest)))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"{statement} ({marks})", [(*row, *constants) for row in zip(*columns, strict=True)]
        )


def _prepared(field: Field, values: Sequence[Any]) -> Iterable[object]:
    """The values in the database's form; the driver takes most as they are."""
    if isinstance(field, models.JSONField):
        return [field.get_db_prep_save(value, connection) for value in values]
    if not isinstance(field, models.DecimalField | models.DateTimeField):
        return values
    seen = {value: field.get_db_prep_save(value, connection) for value in set(values)}
    return map(seen.__getitem__, values)
