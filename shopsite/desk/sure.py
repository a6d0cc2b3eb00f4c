"""Ask before an action of a list does what cannot be undone. */admin.py -> here -> the list again."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONFIRMED = "confirmed"


def asks_first(
    model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet, *, title: str, effect: str
) -> HttpResponse | None:
    """The page that says what an action does with the chosen rows; None once somebody said yes to it."""
    if CONFIRMED in request.POST:
        return None
    context = model_admin.admin_site.each_context(request) | {
        "title": title,
        "effect": effect,
        "rows": rows,
        "action": request.POST.get("action", ""),
        "opts": model_admin.opts,
    }
    return render(request, "admin/desk/sure.html", context)
