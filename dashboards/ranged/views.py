"""The live page's address with a range in it: one frame, no socket. views.py -> here -> range.html."""

from datetime import timedelta
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import capfirst

from dashboards.ranged.page import THEN, read_range
from dashboards.reports.period import PRESETS, BadRange, read_period
from dashboards.screen.filters import PLAIN, BadView, View, read_view
from shopsite.catalogue.models import Category

NAMES = frozenset(("range", "from", "to", "compare"))
CALENDAR = {"presets": PRESETS, "comparisons": THEN}


def ranged(request: HttpRequest, frame: dict[str, object]) -> HttpResponse:
    """The figures of the range that the address asks for; where there is none, why. frame: of every page."""
    now = timezone.now()
    asked, found, problem, view, alone = None, None, "", PLAIN, []
    try:
        view = read_view(request.GET.dict())
        alone = [View(by, value) for by, value in view.values.items()] if view.also else []
        if alone:
            raise BadView(f"a range is told by one filter at a time, not by {' and '.join(view.values)}")
        asked = read_period(request.GET.dict(), now)
    except BadRange as error:
        problem = str(error)
    except BadView as error:
        problem = f"{capfirst(str(error))}."
    else:
        found = read_range(asked, view, now)
    page = {
        "zone": settings.SHOP_TIME_ZONE,
        "currency": settings.SHOP_CURRENCY,
        "categories": list(Category.objects.values_list("slug", "name")),
    }
    context = (
        frame
        | CALENDAR
        | {
            "asked": asked,
            "found": found,
            "problem": problem,
            "view": PLAIN if alone else view,
            "alone": alone,
            "live": view.query,
            "unfiltered": urlencode(
                {name: request.GET[name] for name in (*NAMES, "grain") if name in request.GET}
            ),
            "pulse": msgspec.json.encode(found.pulse).decode() if found else "",
            "revenue": msgspec.json.encode(found.revenue).decode() if found else "",
            "funnel": msgspec.json.encode(found.funnel).decode() if found else "",
            "moves": asked is not None and asked.end > now,
            "last_day": timezone.localtime(asked.end - timedelta(minutes=1)).date() if asked else None,
            "currency": settings.SHOP_CURRENCY,
            "page": msgspec.json.encode(page).decode(),
            "now": timezone.localtime(),
        }
    )
    return render(request, "dashboards/range.html", context, status=400 if problem and not alone else 200)
