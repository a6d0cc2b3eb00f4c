"""An order's own pages: a button for each step, the refund form, its whole way. Admin -> steps.py, way."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from orders.models import Order
from orders.money import money_text
from orders.papers import receipt_page, slips_page
from shopsite.fulfilment import InvalidRefund, plan_refund
from shopsite.orderdesk.effects import effects
from shopsite.orderdesk.forms import RefundForm
from shopsite.orderdesk.steps import REFUSALS, STEPS, Step, take
from shopsite.way import whole_way
from shopsite.way.log import look
from shopsite.way.questions import clicks_of, events_of


class OrderPages(admin.ModelAdmin):
    """What OrderAdmin shows of one order beside Django's own pages."""

    change_form_template = "admin/orders/order/change_form.html"

    def order_urls(self) -> list[URLPattern]:
        """Addresses below an order's."""
        return [
            path(
                "<path:object_id>/do/<slug:name>/",
                self.admin_site.admin_view(self.do),
                name="orders_order_do",
            ),
            path(
                "<path:object_id>/way/log/",
                self.admin_site.admin_view(self.way_log),
                name="orders_order_way_log",
            ),
            path("<path:object_id>/slip/", self.admin_site.admin_view(self.slip), name="orders_order_slip"),
            path(
                "<path:object_id>/receipt/",
                self.admin_site.admin_view(self.receipt),
                name="orders_order_receipt",
            ),
            path("<path:object_id>/way/", self.admin_site.admin_view(self.way), name="orders_order_way"),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The order with a button for each step that it may take now, and this person with it."""
        order = Order.objects.filter(pk=unquote(object_id)).only("pk", "status").first()
        steps = [step for step in STEPS.values() if order and step.allowed(request) and step.fits(order)]
        return super().change_view(request, object_id, form_url, {"steps": steps, **(extra_context or {})})

    def do(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Take one step with one order, after asking where the step asks."""
        step = STEPS.get(name)
        if step is None:
            raise Http404(f"No such step: {name}")
        if not (step.allowed(request) and self.has_view_permission(request)):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=unquote(object_id))
        form = _form(step, order, request)
        if request.method != "POST" or not form.is_valid() or "change" in request.POST:
            return self._asked(request, order, step, form)
        facts = form.facts() if isinstance(form, RefundForm) else form.cleaned_data
        if step.name == "refund" and "confirmed" not in request.POST:
            return self._reviewed(request, order, step, form, facts)
        try:
            take(step, order.pk, request.user.get_username(), **facts)
        except REFUSALS as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, f"Order {order.pk}: {step.done}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[quote(order.pk)]))

    def slip(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The packing slip, to be printed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return slips_page(request, [get_object_or_404(Order, pk=unquote(object_id))])

    def receipt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The receipt of an order that was paid, to be printed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return receipt_page(request, get_object_or_404(Order, pk=unquote(object_id), paid_at__isnull=False))

    def way(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Everything that happened to an order, or to a number that only messages have."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        whole = whole_way(unquote(object_id))
        context = self.admin_site.each_context(request) | {
            "title": f"The whole way of order {whole.subject.order_id}",
            "way": whole,
            "order": whole.subject.order,
            "now": timezone.now(),
            "opts": self.opts,
            "keep_days": settings.KEEP_OUTBOX_DAYS,
        }
        status = 404 if whole.is_unknown else 200
        return render(request, "admin/orderdesk/way.html", context, status=status)

    def way_log(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What Kafka itself says of it: a part of the page that comes later, or never."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=unquote(object_id))
        found = look(events_of(order.pk), clicks_of(order))
        return render(request, "admin/orderdesk/_log.html", {"found": found, "order": order})

    def _reviewed(
        self, request: HttpRequest, order: Order, step: Step, form: forms.Form, facts: dict[str, Any]
    ) -> HttpResponse:
        """Ask once more, with what exactly the filled form would do; or say why it can't be done."""
        numbers = {name: value for name, value in facts.items() if name != "why"}
        try:
            plan_refund(order, **numbers)
        except InvalidRefund as error:
            form.add_error(None, str(error))
            return self._asked(request, order, step, form)
        told = effects(step, order, numbers)
        return self._asked(request, order, step, form, told=told, typed=_typed(form), why=facts["why"])

    def _asked(
        self,
        request: HttpRequest,
        order: Order,
        step: Step,
        form: forms.Form,
        told: Sequence[str] = (),
        **more: Any,
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": f"{step.verb} order {order.pk}",
            "form": form,
            "order": order,
            "step": step,
            "rows": form.rows() if isinstance(form, RefundForm) else [],
            "left": money_text(order.amount - order.refunded, order.currency),
            "fields": [field for field in form if not field.name.startswith(("units-", "shelf-"))],
            "opts": self.opts,
            "media": self.media,
            # what a refund does depends on what is typed, so it is told after that
            "effects": told or ([] if step.name == "refund" else effects(step, order)),
        }
        return render(request, "admin/orderdesk/step.html", context | more)


def _typed(form: forms.Form) -> list[tuple[str, str]]:
    """Each field's name with what was typed into it, to be sent once more."""
    return [(name, str(form[name].value() or "")) for name in form.fields]


def _form(step: Step, order: Order, request: HttpRequest) -> forms.Form:
    data = request.POST if request.method == "POST" else None
    if step.name == "refund":
        return RefundForm(list(order.lines.order_by("pk")), data)
    return (step.form or forms.Form)(data)
