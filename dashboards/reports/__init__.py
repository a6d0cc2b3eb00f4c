"""Figures of a range: by name, by bucket of the shop's calendar, beside another. past/ -> here."""
