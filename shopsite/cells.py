"""Text for cells that a spreadsheet opens: none is taken for a formula. Exports, reports, the API -> here."""

FORMULA = frozenset("=+-@\t\r\n|%＝＋－＠")  # what spreadsheets take for more than text
BLANKS = "\ufeff\u200b \u00a0\t\r\n\v\f"  # what they skip before it


def harmless(text: str) -> str:
    """The text, after an apostrophe where its first mark, or the first after blanks, begins a formula."""
    return f"'{text}" if text.lstrip(BLANKS)[:1] in FORMULA or text[:1] in FORMULA else text
