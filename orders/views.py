"""A mail as the customer sees it: for staff, and in the demo for the shopper whose order page links it."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from orders.letters import SUBJECTS, letter_of
from orders.models import Mail
from orders.samples import sample

# A mail brings its own style; nothing else in it may do anything.
MAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # it is typed for views without arguments of their own
def mail_preview(request: HttpRequest, order_id: str, kind: str) -> HttpResponse:
    """The HTML of a mail. Order numbers can't be guessed, so in the demo the address is enough."""
    if not (settings.DEMO or request.user.has_perm("orders.view_mail")):
        raise Http404
    mail = get_object_or_404(Mail, order_id=order_id, kind=kind)
    return HttpResponse(letter_of(mail).html)


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def sample_preview(request: HttpRequest, kind: str) -> HttpResponse:
    """The HTML of a kind of mail, about an order that is made up."""
    if kind not in SUBJECTS or not request.user.has_perm("orders.view_mail"):
        raise Http404
    return HttpResponse(sample(kind).html)
