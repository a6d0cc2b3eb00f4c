"""The share links: to look at and to revoke. A link itself is nowhere to be seen."""

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboards.shares.links import revoke_link
from dashboards.shares.models import ShareLink
from shopsite.desk import Chosen, Question, RecordAdmin, RevokedFilter, asks_first, told


@admin.register(ShareLink)
class ShareLinkAdmin(RecordAdmin):
    """Every link that was made, with when it was used last."""

    list_display = ("name", "works", "made_by", "made_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = (RevokedFilter,)
    list_select_related = ("made_by",)
    search_fields = ("name", "=made_by__username")
    fields = ("name", "made_by", "made_at", "expires_at", "last_used_at", "revoked_at")
    readonly_fields = fields
    actions = ("revoke",)

    @admin.display(boolean=True)
    def works(self, link: ShareLink) -> bool:
        """Whether it lets anybody in."""
        return link.works(timezone.now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may end a link."""
        return request.user.has_perm("shares.change_sharelink")

    @admin.action(description="Revoke ...", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> HttpResponse | None:
        """End links for good, after asking."""
        effect = "Whoever watches by these links is sent away within a minute, and they let nobody in again."
        if page := asks_first(
            self, request, Question("Revoke the links", effect, list(map(Chosen, queryset)))
        ):
            return page
        assert isinstance(request.user, User)
        done: list[str] = []
        refused: list[str] = []
        for link in queryset:
            if revoke_link(link_id=link.pk, user=request.user, now=timezone.now()):
                done.append(link.name)
            else:
                refused.append(f"{link.name} was revoked before.")
        for well, sentence in told(done, refused, "revoked"):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
        return None
