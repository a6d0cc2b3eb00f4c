"""Mails in the admin: what customers were written, to the letter, and sending it again. Admin -> mails.py.

A mail is shown in a frame that may do nothing: orders/views.py gives it a policy of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.admin import trouble_of
from orders.letters import SUBJECTS, letter_of
from orders.mails import CannotResend, send_again, why_not_again
from orders.models import Mail, Order
from orders.samples import sample
from orders.views import sample_preview
from shopsite.desk import Chosen, Question, RecordAdmin, are_too_many, asks_first, link, moment, told
from shopsite.desk.counts import first_keys
from shopsite.desk.search import beginning, beginning_in_any_case
from shopsite.fulfilment.wake import wake
from shopsite.staff.services import record

_TONES: Mapping[str, str] = {Mail.State.SENT: "good", Mail.State.FAILED: "bad", Mail.State.NOT_SENT: "late"}
MAX_FOUND = 1000  # orders whose mails a search shows


class KindFilter(admin.SimpleListFilter):
    """By what a mail tells of, the second of its kind with the first."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """The kinds there are: asking the table would read all of it."""
        return [(kind, _words(kind)) for kind in SUBJECTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mail]) -> QuerySet[Mail]:  # noqa: ARG002
        """The mails of the kind that was chosen."""
        kind = self.value()
        return queryset.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}-")) if kind else queryset


class MailAdmin(RecordAdmin):
    """Every mail to a customer, with what it looks like."""

    change_list_template = "admin/orders/mail/change_list.html"
    change_form_template = "admin/orders/mail/change_form.html"
    list_display = ("subject", "how_it_is", "trouble", "to", "noted", "sent")
    list_filter = ("state", KindFilter)
    search_fields = ("order__order_id",)  # shows the field; the search is below
    search_help_text = "The beginning of an order number, or of the customer's e-mail address"
    ordering = ("-pk",)
    sortable_by = ()  # by none but their number: they may be millions
    actions = ("resend",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("of_order", "to", "how_it_is", "trouble", "sent_at", "as_html", "as_text")}),
        ("Delivery", {"fields": ("kind", "created_at", "tries", "next_try_at", "message_id")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Mail | None = None) -> Any:  # noqa: ANN401, ARG002
        """Without what there is nothing to say of: why, where all is well, and times that are not set."""
        unset = {name for name in ("trouble", "sent_at", "next_try_at") if obj and not getattr(obj, name)}
        return [
            (title, {"fields": [name for name in options["fields"] if name not in unset]})
            for title, options in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Mail | None = None) -> Any:  # noqa: ANN401
        """Everything."""
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Without the mails' words, which only a mail's own page shows."""
        return super().get_queryset(request).defer("text", "html")

    def get_urls(self) -> list[URLPattern]:
        """The kinds, and sending one again, before the usual addresses, which take any."""
        wrap = self.admin_site.admin_view
        return [
            path("kinds/", wrap(self.kinds), name="orders_mail_kinds"),
            path("kinds/<slug:kind>/", wrap(sample_preview), name="orders_mail_sample"),
            path("<path:object_id>/resend/", wrap(self.resend_one), name="orders_mail_resend"),
            *super().get_urls(),
        ]

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Mail],
        search_term: str,
    ) -> tuple[QuerySet[Mail], bool]:
        """The mails of orders by number or address, each by its index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        orders = Order.objects.all()
        kinds = {
            "number": beginning(orders, "pk", term),
            "own number": beginning(orders, "pk", term.lower()),  # people read them out as they like
            "address": beginning_in_any_case(orders, "email", term),
        }
        found = {key for keys in first_keys(kinds, MAX_FOUND).values() for key in keys}
        return queryset.filter(order_id__in=found), False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Who may send mails again."""
        return request.user.has_perm("orders.resend_mail")

    @admin.action(description="Send again ...", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Mail]) -> HttpResponse | None:
        """Send the chosen ones again, after asking, and say what became of each."""
        if are_too_many(self, request, queryset):
            return None
        mails = list(queryset.order_by("pk"))
        if page := asks_first(self, request, _question(mails)):
            return page
        done, refused = [], []
        for mail in mails:
            try:
                _send_again(mail, request.user.get_username())
            except CannotResend as error:
                refused.append(str(error))
            else:
                done.append(mail.subject)
        for well, sentence in told(done, refused, "on the way again"):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
        return None

    def resend_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The button of a mail's own page. One that is due goes out anyway: sending it now asks nothing."""
        if not (self.has_resend_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        mail = get_object_or_404(Mail, pk=unquote(object_id))
        back = reverse("admin:orders_mail_change", args=[mail.pk])
        is_hurried = request.method == "POST" and mail.state == Mail.State.DUE
        if not is_hurried and (page := asks_first(self, request, _question([mail], back))):
            return page
        try:
            _send_again(mail, request.user.get_username())
        except CannotResend as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, f"On the way again: {mail.subject}.", messages.SUCCESS)
        return HttpResponseRedirect(back)

    def kinds(self, request: HttpRequest) -> HttpResponse:
        """How each kind of mail reads, about an order that is made up."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": "How each kind of mail reads",
            "opts": self.opts,
            "kinds": [(kind, _words(kind), sample(kind)) for kind in SUBJECTS],
        }
        return render(request, "admin/orders/mail/kinds.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The mail, with the button for those who may send it again."""
        may = {"may_resend": self.has_resend_permission(request)}
        return super().change_view(request, object_id, form_url, may | (extra_context or {}))

    @admin.display(description="order", ordering="order_id")
    def of_order(self, mail: Mail) -> SafeString:
        """A link to the order, made without loading it."""
        return link(reverse("admin:orders_order_change", args=[quote(mail.order_id)]), mail.order_id)

    @admin.display(description="state", ordering="state")
    def how_it_is(self, mail: Mail) -> SafeString:
        """The state, coloured where somebody should look."""
        tone = _TONES.get(mail.state, "late" if mail.why else "")
        return format_html('<span class="mark {}">{}</span>', tone, mail.get_state_display())

    @admin.display(description="why")
    def trouble(self, mail: Mail) -> SafeString:
        """Why it did not go out."""
        return trouble_of(mail)

    @admin.display(description="noted", ordering="created_at")
    def noted(self, mail: Mail) -> str:
        """Since when it is to be sent."""
        return moment(mail.created_at)

    @admin.display(description="sent", ordering="sent_at")
    def sent(self, mail: Mail) -> str:
        """When it went out last."""
        return moment(mail.sent_at) if mail.sent_at else ""

    @admin.display(description="HTML")
    def as_html(self, mail: Mail) -> SafeString:
        """As most programs show it."""
        address = reverse("mail_preview", args=[mail.order_id, mail.kind])
        return format_html(
            '<iframe class="letter" src="{}" title="The mail as HTML" sandbox></iframe>', address
        )

    @admin.display(description="text")
    def as_text(self, mail: Mail) -> SafeString:
        """As programs without HTML show it."""
        return format_html('<pre class="letter">{}</pre>', letter_of(mail).text.strip())


def _words(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _question(mails: Sequence[Mail], back: str = "") -> Question:
    """What sending these again would do."""
    return Question(
        title=f"Send {len(mails)} mail{'' if len(mails) == 1 else 's'} again",
        effect="Each goes out once more, in the same words.",
        rows=[Chosen(mail, mail.get_state_display(), [_effect(mail)]) for mail in mails],
        is_harm=False,
        back=back,
    )


def _effect(mail: Mail) -> str:
    if why := why_not_again(mail):
        return f"Nothing, it will be refused: {why}."
    first = f", who was sent it on {moment(mail.sent_at)}" if mail.sent_at else ""
    return f"{mail.to} is written to{first}."


def _send_again(mail: Mail, actor: str) -> None:
    """Let it go out again and write down who wanted it, or that it was refused. Raises CannotResend."""
    try:
        with transaction.atomic():
            send_again(mail)
            _record(mail, actor, f"mail {mail.kind} to {mail.to}", done=True)
            wake("send_due_mails")
    except CannotResend as error:
        _record(mail, actor, str(error), done=False)
        raise


def _record(mail: Mail, actor: str, what: str, *, done: bool) -> None:
    record(actor=actor, action="resend", kind="order", object_id=mail.order_id, what=what, done=done)
