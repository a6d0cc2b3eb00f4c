"""How times read, in Django's own way of telling it: en/formats.py. settings.FORMAT_MODULE_PATH -> here."""
