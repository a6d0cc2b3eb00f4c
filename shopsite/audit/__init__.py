"""Prove everything that is stored against the log. `manage.py audit` -> here -> aggregates, orders, stock.

The log is read once for the aggregates (dashboards/proof/audit.py) and once for the database. Each part is
compared up to the offset that it has reached, and what changed while the audit ran is looked at again,
so neither lag nor traffic is an error.
"""

from dataclasses import dataclass, field

import redis

from dashboards.counting.log import LogReader
from dashboards.proof.audit import audit_aggregates
from dashboards.proof.findings import Check
from shopsite.audit.deadletters import audit_dead_letters
from shopsite.audit.messages import Messages
from shopsite.audit.orders import audit_orders
from shopsite.audit.stock import audit_ledger, audit_levels

NAMED = 50  # differences that each part names one by one


@dataclass
class Audit:
    """All checks, and what could not be proved."""

    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: int = 0  # messages that the aggregates were counted from
    seconds: float = 0.0  # that it took

    @property
    def ok(self) -> bool:
        """Whether every number was the same twice."""
        return all(check.ok for check in self.checks)


def audit(client: redis.Redis, days: range | None = None) -> Audit:
    """Recount the three topics and compare. Raises Unavailable, RedisError, DatabaseError.

    days: starts of the UTC days of the aggregates that are compared; orders and stock are then left out.
    """
    found = Audit()
    aggregates = audit_aggregates(client, days)
    found.events, found.seconds = aggregates.events, aggregates.seconds
    found.checks += aggregates.checks()
    found.notes += aggregates.notes
    if days is not None:
        found.notes.append("a range was asked for: orders and stock have no range, so they were not compared")
        return found
    with LogReader() as log:
        orders, stock = Messages(log, "orders"), Messages(log, "inventory")
        for part in (
            audit_orders(orders),
            audit_ledger(stock),
            audit_levels(),
            audit_dead_letters(log, [orders, stock], aggregates.unreadable),
        ):
            found.checks += _shortened(part)
        found.notes += orders.notes + stock.notes
    return found


def _shortened(checks: list[Check]) -> list[Check]:
    """All that agree, and the first of those that differ."""
    differ = [check for check in checks if not check.ok]
    left = len(differ) - NAMED
    rest = [Check("further differences", 0, left)] if left > 0 else []
    return [check for check in checks if check.ok] + differ[:NAMED] + rest
