"""The keys of the API: to look at and to revoke. Admin -> keys.py. A key itself is nowhere to be seen."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from shopsite.api import keys
from shopsite.api.models import ApiKey
from shopsite.desk import Chosen, Question, RecordAdmin, RevokedFilter, asks_first, told


@admin.register(ApiKey)
class ApiKeyAdmin(RecordAdmin):
    """Every key that was made, with when it was used last."""

    list_display = ("name", "works", "reads", "rate", "created_at", "last_used_at", "revoked_at")
    list_filter = (RevokedFilter,)
    search_fields = ("name", "=public_id")
    search_help_text = "`manage.py apikey create NAME` makes a key, and shows it once"
    fields = ("name", "public_id", "reads", "rate", "created_at", "last_used_at", "revoked_at")
    readonly_fields = fields
    ordering = ("name",)
    actions = ("revoke",)

    @admin.display(boolean=True)
    def works(self, key: ApiKey) -> bool:
        """Whether it was not revoked."""
        return key.revoked_at is None

    def reads(self, key: ApiKey) -> str:
        """Its scopes."""
        return ", ".join(key.scopes) or "everything"

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may end a key."""
        return request.user.has_perm("api.change_apikey")

    @admin.action(description="Revoke ...", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """End keys for good, after asking."""
        effect = "Programs that use these keys are refused from now on, and need new ones."
        if page := asks_first(
            self, request, Question("Revoke the keys", effect, list(map(Chosen, queryset)))
        ):
            return page
        done, refused = [], []
        for name in queryset.values_list("name", flat=True):
            try:
                keys.revoke(name)
            except keys.UnknownKey:
                refused.append(f"{name} was revoked before.")
            else:
                done.append(name)
        for well, sentence in told(done, refused, "revoked"):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
        return None
