"""Have PostgreSQL itself refuse to change the ledger, whoever asks: SQL by hand, a script, a shell.

SQLite gets no trigger: Django makes a table anew there to alter it, and a trigger is silently lost with
the old one. There the model refuses, and `reconcile` and `audit` find what was changed by hand.
"""

from django.db import migrations

ADD = """
CREATE FUNCTION inventory_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger is append only: post a row that corrects it'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory_movement
FOR EACH STATEMENT EXECUTE FUNCTION inventory_append_only();
"""
REMOVE = """
DROP TRIGGER append_only ON inventory_movement;
DROP FUNCTION inventory_append_only;
"""


def _add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ADD, params=None)


def _remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(REMOVE, params=None)


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_fewer_indexes")]
    operations = [migrations.RunPython(_add, _remove)]
