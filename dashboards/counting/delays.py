"""The histogram of delays: its fields, and what they say. batch.py writes them; screen, alerts -> here."""

from collections.abc import Mapping

DELAY_MS = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500),
    *(600, 800, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000),
)
NEVER = "inf"  # the field of what came later than the last of them
NEVER_MS = 86_400_000  # what is said of that


def p95_ms(counts: Mapping[str, int]) -> int | None:
    """The time from event to aggregate that 95 of 100 events stayed below; None without events.

    counts: events by the upper bound in ms, or NEVER.
    """
    uppers = {NEVER_MS if field == NEVER else int(field): count for field, count in counts.items()}
    reached, wanted = 0, 0.95 * sum(uppers.values())
    for upper in sorted(uppers):
        reached += uppers[upper]
        if reached >= wanted:
            return upper
    return None
