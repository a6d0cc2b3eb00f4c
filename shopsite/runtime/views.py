"""Whether the shop lives and is ready, for proxies and compose; and the demo's login link."""

from django.contrib.auth import get_user_model, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from shopsite.runtime.checks import ready
from shopsite.runtime.login import LinkSpent, spend_token

DASHBOARD = "/dashboard/"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_safe
@never_cache
def livez(_request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; it asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when every part works, else 503; the JSON names what is missing and what to do."""
    findings = ready()
    broken = [finding for finding in findings if not finding.ok]
    body = {
        "ready": not broken,
        "missing": [finding.as_dict() for finding in broken],
        "checks": [finding.as_dict() for finding in findings],
    }
    return JsonResponse(body, status=503 if broken else 200)


@require_GET
@never_cache
def login_once(request: HttpRequest, token: str) -> HttpResponse:
    """Log the demo's staff user in and show the dashboard; a spent link says what to do instead."""
    try:
        user = get_user_model().objects.get(username=spend_token(token), is_staff=True, is_active=True)
    except (LinkSpent, get_user_model().DoesNotExist):
        if request.user.is_authenticated:
            return HttpResponseRedirect(DASHBOARD)  # a reload of the page that it led to
        return render(request, "runtime/link_spent.html", status=410)
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(DASHBOARD)
