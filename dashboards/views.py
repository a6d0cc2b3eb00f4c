"""The pages of the control room. urls.py -> here -> templates; live figures come by the socket."""

from datetime import timedelta

import msgspec
from django.conf import settings
from django.contrib.admin.utils import unquote
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from dashboards.access import may_share, may_watch
from dashboards.answers.page import read_answers
from dashboards.operations.ops import read_pipeline
from dashboards.product.page import grains_of, read_product
from dashboards.ranged.views import CALENDAR, NAMES, ranged
from dashboards.reports.density import STEP_S, read_density
from dashboards.reports.period import PRESETS, BadRange, read_period
from dashboards.screen.feed import who
from dashboards.screen.hub import present_frame
from dashboards.screen.places import PLACES
from shopsite.catalogue.models import Category
from shopsite.events.redis import redis_client

PLOTLY = "dashboards/vendor/plotly-bars-4.1.1.min.js"
ROAD = ("placed", "paid", "packed", "shipped", "delivered")
ASIDE = ("payment_failed", "refund_pending", "backordered", "refunded", "cancelled")


def chosen_theme(request: HttpRequest) -> str:
    """The viewer's own choice, "" where the system decides."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in ("light", "dark") else ""


def _links() -> dict[str, object]:
    """Where one acts on what the page shows: lists of the admin, filtered."""
    orders, products = reverse("admin:orders_order_changelist"), reverse("admin:catalogue_product_changelist")
    tracked = f"{products}?level__tracked__exact=1&o=5"  # least on hand first
    return {
        "orders": orders,
        "products": products,
        "status": {status: f"{orders}?status__exact={status}" for status in (*ROAD, *ASIDE)},
        "payment_failed": f"{orders}?queue=payment_failed",
        "paid_unfulfillable": f"{orders}?queue=unfulfillable",
        "low_stock": tracked,
    }


@require_safe
@never_cache
@gzip_page
@login_required(login_url="admin:login")
def live(request: HttpRequest) -> HttpResponse:
    """The live page."""
    if not may_watch(request.user):
        raise PermissionDenied
    frame: dict[str, object] = {
        "plotly": PLOTLY,
        "shop_name": settings.SHOP_NAME,
        "theme": chosen_theme(request),
    }
    if NAMES & request.GET.keys():
        return ranged(request, frame)
    links = _links()
    page = {
        "socket": "/ws/dashboard/",
        "zone": settings.SHOP_TIME_ZONE,
        "currency": settings.SHOP_CURRENCY,
        "you": who(request.COOKIES.get(settings.VISITOR_COOKIE, "")),
        "shop": "/",
        "ops": reverse("ops"),
        "density": reverse("density"),
        "places": PLACES,
        "categories": list(Category.objects.values_list("slug", "name")),
        "login": f"{reverse('admin:login')}?next={request.path}",
        "links": links,
    }
    context = {
        "page": msgspec.json.encode(page).decode(),
        "links": links,
        "may_share": may_share(request.user),
        # what is filtered, or past, comes by the socket alone
        "first": "" if request.GET.keys() - {"wall"} else present_frame(),
    }
    return render(request, "dashboards/live.html", frame | CALENDAR | context)


@require_safe
@login_required(login_url="admin:login")
def density(request: HttpRequest) -> HttpResponse:
    """Orders of the 24 hours until `at` (epoch seconds; now where it is missing or no number)."""
    if not may_watch(request.user):
        raise PermissionDenied
    now, asked = int(timezone.now().timestamp()), request.GET.get("at", "")
    at = min(now, int(asked)) if asked.isdecimal() and len(asked) < 12 else now
    try:
        found = read_density(redis_client(), at)
    except RedisError:
        return JsonResponse({"problem": "Redis does not answer."}, status=503)
    return JsonResponse({"start": found.start, "step": STEP_S, "orders": found.orders})


@require_safe
@login_required(login_url="admin:login")
def answers(request: HttpRequest) -> HttpResponse:
    """What the figures mean for somebody who must act."""
    if not may_watch(request.user):
        raise PermissionDenied
    context = {
        "found": read_answers(timezone.now()),
        "now": timezone.localtime(),
        "currency": settings.SHOP_CURRENCY,
        "shop_name": settings.SHOP_NAME,
        "theme": chosen_theme(request),
    }
    return render(request, "dashboards/answers.html", context)


@require_safe
@login_required(login_url="admin:login")
def ops(request: HttpRequest) -> HttpResponse:
    """What the pipeline does, and what to do where it does not."""
    if not may_watch(request.user):
        raise PermissionDenied
    context = {
        "found": read_pipeline(),
        "by_partition": "partitions" in request.GET,
        "now": timezone.localtime(),
        "shop_name": settings.SHOP_NAME,
        "theme": chosen_theme(request),
    }
    return render(request, "dashboards/ops.html", context)


@require_safe
@login_required(login_url="admin:login")
def product(request: HttpRequest, key: str) -> HttpResponse:
    """One product's figures. key: its id, as the admin writes it in addresses."""
    if not may_watch(request.user):
        raise PermissionDenied
    now, problem = timezone.now(), ""
    try:
        asked = read_period(request.GET.dict(), now)
    except BadRange as error:
        asked, problem = read_period({}, now), str(error)
    found = read_product(unquote(key), asked, now)
    status = 200 if found.is_known else 404
    context = {
        "found": found,
        "asked": asked,
        "problem": problem,
        "presets": PRESETS,
        "grains": grains_of(asked),
        "last_day": timezone.localtime(asked.end - timedelta(minutes=1)).date(),
        "bounds": f"from={asked.start:%Y-%m-%dT%H:%MZ}&to={asked.end:%Y-%m-%dT%H:%MZ}",
        "course": msgspec.json.encode(found.course).decode(),
        "page": msgspec.json.encode(
            {"zone": settings.SHOP_TIME_ZONE, "currency": settings.SHOP_CURRENCY}
        ).decode(),
        "now": timezone.localtime(),
        "plotly": PLOTLY,
        "shop_name": settings.SHOP_NAME,
        "theme": chosen_theme(request),
    }
    return render(request, "dashboards/product.html", context, status=400 if problem else status)
