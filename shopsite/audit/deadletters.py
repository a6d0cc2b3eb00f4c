"""Every message that can't be read is a dead letter. The dead-letter topics -> here -> checks."""

from collections.abc import Iterable, Sequence

from dashboards.counting.log import LogReader, set_aside
from dashboards.proof.findings import Check
from shopsite.audit.messages import Messages
from shopsite.events.models import OutboxEvent
from shopsite.events.topics import DEAD


def audit_dead_letters(log: LogReader, taken: Sequence[Messages], clicks: Iterable[str]) -> list[Check]:
    """Compare the positions of what can't be read with where dead letters say they come from."""
    unreadable = {"clicks": set(clicks), **{messages.topic: messages.unreadable for messages in taken}}
    checks = []
    for topic, positions in unreadable.items():
        missing = positions - set_aside(log, topic) if positions else set()
        on_their_way = OutboxEvent.objects.filter(topic=topic + DEAD, event_id__in=missing)
        missing -= set(on_their_way.values_list("event_id", flat=True))
        checks.append(
            Check(f"dead letters of {topic}", len(positions), len(positions) - len(missing)),
        )
        checks += [Check(f"dead letter of {position}", "there", "missing") for position in sorted(missing)]
    return checks
