"""A time on the admin's pages: on the clock that the shop's own pages have, to the second. Django -> here."""

DATETIME_FORMAT = "j M Y, H:i:s"  # steps of an order follow each other within a minute
TIME_FORMAT = "H:i:s"
