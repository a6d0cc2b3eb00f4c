"""The audit log to read, and accounts and roles whose changes stand in it. Admin -> StaffAction."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from shopsite.desk import QuickAdmin, RecordAdmin
from shopsite.staff.models import StaffAction
from shopsite.staff.services import ACTIONS

admin.site.unregister([User, Group])


class ByPerson(admin.SimpleListFilter):
    """Rows of one person. Names come from the accounts: the log is too long to ask it."""

    title = "person"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """Everybody who may log in here."""
        names = User.objects.filter(is_staff=True).order_by("username").values_list("username", flat=True)
        return [(name, name) for name in names[:50]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffAction]) -> QuerySet[StaffAction]:  # noqa: ARG002
        """Those of the person that was chosen."""
        return queryset.filter(actor=self.value()) if self.value() else queryset


class ByAction(admin.SimpleListFilter):
    """Rows of one action."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """All there are."""
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffAction]) -> QuerySet[StaffAction]:  # noqa: ARG002
        """Those of the action that was chosen."""
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(StaffAction)
class StaffActionAdmin(RecordAdmin):
    """Who did what, newest first. Nobody can change or delete a row, superusers neither."""

    list_display = ("at", "actor", "named", "done", "kind", "object_id", "what", "why")
    list_filter = (ByPerson, ByAction)
    search_fields = ("=object_id",)
    search_help_text = "An order's number, a product's number, a name: whole, as it stands here"
    ordering = ("-pk",)

    @admin.display(description="action")
    def named(self, row: StaffAction) -> str:
        """The action in words."""
        return ACTIONS.get(row.action, row.action)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[StaffAction],
        search_term: str,
    ) -> tuple[QuerySet[StaffAction], bool]:
        """Rows of one thing, by the index: that begins with the kind, of which there are few."""
        term = search_term.strip()
        return (queryset.filter(kind__in=KINDS, object_id=term) if term else queryset), False


KINDS = ("order", "product", "dead letter", "user", "group", "category", "orders", "products", "ledger")


def _roles(user: User) -> str:
    return ", ".join(sorted(group.name for group in user.groups.all())) or "none"


@admin.register(User)
class StaffUserAdmin(QuickAdmin, UserAdmin):
    """Accounts; who got or lost a role is told by name."""

    list_display = ("username", "email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("^username",)
    readonly_fields = ("last_login", "date_joined")  # facts; their two boxes had no names, either

    def _record(self, request: HttpRequest, obj: Model, action: str, what: str) -> None:
        roles = f" Roles now: {_roles(obj)}." if isinstance(obj, User) and action != "delete" else ""
        super()._record(request, obj, action, what + roles)


@admin.register(Group)
class RoleAdmin(QuickAdmin, GroupAdmin):
    """Roles. `seed` makes those of shopsite/roles.py; others may be added."""
