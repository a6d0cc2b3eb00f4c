"""The one write of the audit log. Admin pages, logins -> here -> StaffAction.

Called in the transaction of what it tells, so that neither is there without the other.
"""

from collections.abc import Mapping

from django.utils import timezone

from shopsite.staff.models import StaffAction

ACTIONS: Mapping[str, str] = {
    "pack": "Packed",
    "ship": "Shipped",
    "deliver": "Delivered",
    "cancel": "Cancelled",
    "refund": "Refunded",
    "adjust": "Stock changed",
    "resend": "Sent again",
    "export": "Exported",
    "share": "Shared",
    "revoke": "Revoked",
    "add": "Added",
    "change": "Changed",
    "delete": "Deleted",
    "login": "Logged in",
    "login_failed": "Log in failed",
    "logout": "Logged out",
}


def record(
    *,
    actor: str,
    action: str,
    kind: str = "",
    object_id: str = "",
    what: str = "",
    why: str = "",
    done: bool = True,
) -> None:
    """Write down what somebody did, or was refused. Raises KeyError for an action that has no name."""
    StaffAction(
        at=timezone.now(),
        actor=actor[:150],
        action=action if ACTIONS[action] else "",
        kind=kind[:40],
        object_id=object_id[:200],
        what=what[:500],
        why=why[:300],
        done=done,
    ).save(force_insert=True)
