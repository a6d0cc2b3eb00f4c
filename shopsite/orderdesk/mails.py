"""Mails in the admin: what customers were written, to the letter, and sending it again. Admin -> mails.py.

A mail is shown in a frame that may do nothing: orders/views.py gives it a policy of its own.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.letters import SUBJECTS, letter_of
from orders.mails import CannotResend, send_again
from orders.models import Mail, Order
from orders.samples import sample
from orders.views import sample_preview
from shopsite.desk import RecordAdmin, link, told
from shopsite.desk.counts import first_keys
from shopsite.desk.search import beginning, beginning_in_any_case
from shopsite.fulfilment.wake import wake
from shopsite.staff.services import record

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
    list_display = ("subject", "of_order", "to", "state", "why", "created_at", "sent_at")
    list_filter = ("state", KindFilter)
    search_fields = ("order__order_id",)  # shows the field; the search is below
    search_help_text = "The beginning of an order number, or of the customer's e-mail address"
    ordering = ("-pk",)
    actions = ("resend",)
    fields = (
        "subject", "of_order", "to", "state", "why", "tries", "created_at", "next_try_at", "sent_at",
        "message_id", "as_html", "as_text",
    )  # fmt: skip
    readonly_fields = fields

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

    @admin.action(description="Send again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        """Send the chosen ones again, and say what became of each."""
        done, refused = [], []
        for mail in queryset.order_by("pk"):
            try:
                _send_again(mail, request.user.get_username())
            except CannotResend as error:
                refused.append(str(error))
            else:
                done.append(mail.subject)
        for well, sentence in told(done, refused, "on the way again"):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)

    def resend_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The button of a mail's own page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_resend_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        mail = get_object_or_404(Mail, pk=unquote(object_id))
        try:
            _send_again(mail, request.user.get_username())
        except CannotResend as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, f"On the way again: {mail.subject}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:orders_mail_change", args=[mail.pk]))

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
