"""Indexes that find how a text begins, in any case, on every database. models.Meta -> here."""

from typing import Any

from django.db import models


class BeginningIndex(models.Index):
    """An index on lower(column) of the rows where it is not empty.

    PostgreSQL's LIKE uses an index of another collation than C by an operator class only; SQLite knows none.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:  # noqa: ANN401
        """Django's statement, with the operator class where there is one."""
        statement: Any = super().create_sql(model, schema_editor, using, **options)
        if schema_editor.connection.vendor == "postgresql":
            statement.parts["columns"] = f"{statement.parts['columns']} text_pattern_ops"
        return statement
