"""What staff may do, by role. seed -> make_roles() -> Django's groups."""

from collections.abc import Mapping

from django.contrib.auth.models import Group, Permission

RECORDS = (
    "order",
    "line",
    "transition",
    "lead",
    "payment",
    "paymentcall",
    "paymentwebhook",
    "refund",
    "mail",
)
STOCK = ("level", "movement", "reservation")
ALERTS = ("rule", "alert")
EVENTS = ("outboxevent", "inboxevent", "deadletter")


def _view(app: str, models: tuple[str, ...]) -> set[str]:
    return {f"{app}.view_{model}" for model in models}


SEES_STOCK = _view("catalogue", ("product", "category")) | _view("inventory", STOCK)
SEES_ORDERS = SEES_STOCK | _view("orders", RECORDS)
SEES_ALL = SEES_ORDERS | _view("events", EVENTS) | _view("alerts", ALERTS)

# Looking is for everybody but the stock keeper, who needs no customer's address; acting is by role.
# Taking a list away, and the log of what colleagues did, are for those who answer for the shop.
ROLES: Mapping[str, set[str]] = {
    "viewer": SEES_ALL,
    "support": SEES_ORDERS | {"orders.cancel_order", "orders.resend_mail"},
    "stock keeper": SEES_STOCK
    | {"inventory.adjust_stock", "inventory.change_level", "catalogue.change_product"}
    | {"staff.export_stock", "staff.export_ledger"},
    "operator": SEES_ALL
    | {"orders.fulfil_order", "orders.cancel_order", "orders.refund_order", "orders.resend_mail"}
    | {"events.change_deadletter"}
    | {"staff.view_staffaction", "staff.export_orders", "staff.export_stock", "staff.export_ledger"}
    | {"shares.view_sharelink", "shares.add_sharelink", "shares.change_sharelink"}
    | {"alerts.acknowledge_alert", "alerts.add_rule", "alerts.change_rule"},
}


class MissingPermissions(Exception):
    """A role needs permissions that the database does not have: run migrate first."""


def make_roles() -> None:
    """Make each role's group with exactly its permissions; safe to call again."""
    rows = Permission.objects.select_related("content_type")
    by_name = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    for name, wanted in ROLES.items():
        if missing := sorted(wanted - by_name.keys()):
            raise MissingPermissions(f"{', '.join(missing)}: run `manage.py migrate` first")
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([by_name[permission] for permission in wanted])
