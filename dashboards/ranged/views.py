"""The live page's address with a range in it: one frame, no socket. views.py -> here -> range.html."""

from datetime import timedelta

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboards.filters import DIMENSIONS
from dashboards.period import PRESETS, BadRange, read_period
from dashboards.ranged.page import THEN, read_range

NAMES = frozenset(("range", "from", "to", "compare"))
CALENDAR = {"presets": PRESETS, "comparisons": THEN}


def ranged(request: HttpRequest, frame: dict[str, object]) -> HttpResponse:
    """The figures of the range that the address asks for; where there is none, why. frame: of every page."""
    now = timezone.now()
    asked, found, problem = None, None, ""
    try:
        asked = read_period(request.GET.dict(), now)
    except BadRange as error:
        problem = str(error)
    else:
        found = read_range(asked, now)
    page = {"zone": settings.SHOP_TIME_ZONE, "currency": settings.SHOP_CURRENCY}
    context = (
        frame
        | CALENDAR
        | {
            "asked": asked,
            "found": found,
            "problem": problem,
            "filtered": [name for name in (*DIMENSIONS, "bots") if request.GET.get(name)],
            "pulse": msgspec.json.encode(found.pulse).decode() if found else "",
            "funnel": msgspec.json.encode(found.funnel).decode() if found else "",
            "moves": asked is not None and asked.end > now,
            "last_day": timezone.localtime(asked.end - timedelta(minutes=1)).date() if asked else None,
            "page": msgspec.json.encode(page).decode(),
            "now": timezone.localtime(),
        }
    )
    return render(request, "dashboards/range.html", context, status=400 if problem else 200)
