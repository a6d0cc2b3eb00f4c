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
from shopsite.desk.sure import asks_first
from shopsite.desk.words import link, moment, told

__all__ = [
    "CappedPaginator",
    "ExportingAdmin",
    "QuickAdmin",
    "QuickList",
    "RecordAdmin",
    "RecordInline",
    "RevokedFilter",
    "asks_first",
    "link",
    "moment",
    "told",
]
