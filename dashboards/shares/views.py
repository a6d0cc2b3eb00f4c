"""Making a share link, and the page that it leads to. urls.py -> here -> live.html."""

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboards.access import may_share
from dashboards.screen.hub import present_frame
from dashboards.shares.guests import for_guests
from dashboards.shares.links import Refused, find_link, make_link
from dashboards.views import PLOTLY, chosen_theme


@require_POST
def share(request: HttpRequest) -> JsonResponse:
    """Make a link: `name` and `life` of the form; its address is told this once."""
    if not may_share(request.user):
        return JsonResponse({"problem": "Your account may not make links."}, status=403)
    assert isinstance(request.user, User)
    try:
        token, link = make_link(
            name=request.POST.get("name", ""),
            life=request.POST.get("life", ""),
            user=request.user,
            now=timezone.now(),
        )
    except Refused as why:
        return JsonResponse({"problem": str(why)}, status=400)
    address = request.build_absolute_uri(reverse("shared", args=[token]))
    answer = JsonResponse({"address": address, "expires": int(link.expires_at.timestamp() * 1000)})
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
@never_cache
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The live page for a guest: figures, no way further in, and nothing that says whose link it is."""
    if find_link(token, timezone.now()) is None:
        answer = render(
            request, "dashboards/shares/ended.html", {"shop_name": settings.SHOP_NAME}, status=404
        )
    else:
        page = {
            "socket": f"/ws/shared/{token}/",
            "zone": settings.SHOP_TIME_ZONE,
            "currency": settings.SHOP_CURRENCY,
            "you": "",
            "shop": "/",
            "links": {"status": {}},
            "shared": True,
        }
        context = {
            "page": msgspec.json.encode(page).decode(),
            "plotly": PLOTLY,
            "shop_name": settings.SHOP_NAME,
            "theme": chosen_theme(request),
            "shared": True,
            "first": for_guests(found) if (found := present_frame()) else "",
        }
        answer = render(request, "dashboards/live.html", context)
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    return answer
