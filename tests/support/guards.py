"""Ways to switch a guard off for a test: a condition of an UPDATE, or that something is unique."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.models import Model, QuerySet

from shopsite.prepared import _Made, _OfThread
from tests.support.tamper import ledger_unlocked


@contextmanager
def without_condition(model: type[Model], *names: str) -> Iterator[None]:
    """Every filter of this model forgets these conditions."""
    filter_as_ever = QuerySet.filter

    def filter_less(rows: "QuerySet[Any]", *args: object, **conditions: object) -> "QuerySet[Any]":
        if rows.model is model:
            conditions = {name: value for name, value in conditions.items() if name not in names}
        return filter_as_ever(rows, *args, **conditions)

    with patch.object(QuerySet, "filter", filter_less), patch.object(_OfThread, "get", _anew):
        yield


def _anew(statement: _OfThread) -> _Made:
    """Neither one that was made with the condition, nor one to be kept that was made without it."""
    return _Made(statement._make())


@contextmanager
def without_constraint(model: type[Model], name: str) -> Iterator[None]:
    """The table lacks this unique constraint for a while; whatever breaks it must not stay."""
    constraint = next(each for each in model._meta.constraints if each.name == name)
    others = [each for each in model._meta.constraints if each is not constraint]
    # SQLite makes the table anew, from what the model says then
    with patch.object(model._meta, "constraints", others), connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    with ExitStack() as afterwards:
        afterwards.callback(_restore_constraint, model, constraint)
        afterwards.callback(_empty, model)
        yield


def _empty(model: type[Model]) -> None:
    with ledger_unlocked(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")


def _restore_constraint(model: type[Model], constraint: Any) -> None:  # noqa: ANN401 - any kind of constraint
    with connection.schema_editor() as editor:
        editor.add_constraint(model, constraint)
