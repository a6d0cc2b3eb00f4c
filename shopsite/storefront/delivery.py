"""What delivery costs and when it comes. The pages that promise either -> here."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone

COST = Decimal("4.90")
FREE_FROM = Decimal("50.00")
POST_UNTIL = time(15)  # on weekdays: what is ordered before leaves the same day
DAYS = (2, 3)  # from posting to the door, Sundays not counted


def shipping_for(products: Decimal) -> Decimal:
    """The cost of sending products of this value; nothing costs nothing."""
    return Decimal(0) if not products or products >= FREE_FROM else COST


def posted_on(ordered: datetime) -> datetime:
    """The local day, at 18:00, by which an order of that time leaves the house."""
    local = timezone.localtime(ordered)
    day = local if local.time() < POST_UNTIL else local + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day.replace(hour=18, minute=0, second=0, microsecond=0)


def arrives(ordered: datetime) -> tuple[datetime, datetime]:
    """The first and the last local day on which it should be there."""
    return arrives_after(posted_on(ordered))


def arrives_after(posted: datetime) -> tuple[datetime, datetime]:
    """The same of what leaves, or has left, at that time."""
    local = timezone.localtime(posted)
    return _workdays_later(local, DAYS[0]), _workdays_later(local, DAYS[1])


def _workdays_later(day: datetime, count: int) -> datetime:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() != 6  # carriers rest on Sundays only
    return day
