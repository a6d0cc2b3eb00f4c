"""Indexes by which the admin finds orders: the beginning of an address or a name, in any case.

Django has no one form of them: PostgreSQL needs an operator class (its LIKE uses no index of another
collation than C), which SQLite does not know. shopsite/desk/search.py asks for both.
"""

from django.db import migrations

COLUMNS = ("email", "name")


def add(apps, schema_editor):
    operators = "text_pattern_ops" if schema_editor.connection.vendor == "postgresql" else ""
    for column in COLUMNS:
        schema_editor.execute(
            f"CREATE INDEX order_by_{column} ON orders_order (lower({column}) {operators}) WHERE {column} > ''"
        )


def remove(apps, schema_editor):
    for column in COLUMNS:
        schema_editor.execute(f"DROP INDEX order_by_{column}")


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_what_led_to_orders")]

    operations = [migrations.RunPython(add, remove)]
