"""What every page of the admin is made of. */admin.py -> here -> Django's admin, the audit log."""

from shopsite.desk.export import ExportingAdmin
from shopsite.desk.lists import (
    CappedPaginator,
    QuickAdmin,
    QuickList,
    RecordAdmin,
    RecordInline,
    RevokedFilter,
)
from shopsite.desk.sure import CONFIRMED, Chosen, Question, are_too_many, ask, asks_first
from shopsite.desk.words import link, moment, told

__all__ = [
    "CONFIRMED",
    "CappedPaginator",
    "Chosen",
    "ExportingAdmin",
    "Question",
    "QuickAdmin",
    "QuickList",
    "RecordAdmin",
    "RecordInline",
    "RevokedFilter",
    "are_too_many",
    "ask",
    "asks_first",
    "link",
    "moment",
    "told",
]
