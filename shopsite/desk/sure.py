"""Ask before an action does what cannot be undone, and say what it would do. */admin.py -> here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONFIRMED = "confirmed"
MOST = 500  # rows of one action: each is a transaction of its own, and the form that asks names them all


class Chosen(NamedTuple):
    """A row that an action is about."""

    row: Model
    state: str = ""
    effects: Sequence[str] = ()  # what would happen to it, in sentences


@dataclass(frozen=True)
class Question:
    """What is asked before an action."""

    title: str  # of the page, and of the button that says yes
    effect: str  # on all of them, in sentences
    rows: Sequence[Chosen]
    form: forms.Form | None = None  # what must be said with it
    is_harm: bool = True  # the button is red
    untold: int = 0  # rows at the end that have no effects of their own
    back: str = ""  # where whoever does not want it goes; empty: to the list that was asked from


def asks_first(
    model_admin: admin.ModelAdmin, request: HttpRequest, question: Question
) -> HttpResponse | None:
    """The page that asks; None once somebody said yes to it."""
    return None if CONFIRMED in request.POST else ask(model_admin, request, question)


def ask(model_admin: admin.ModelAdmin, request: HttpRequest, question: Question) -> HttpResponse:
    """The page that asks."""
    context = model_admin.admin_site.each_context(request) | {
        "title": question.title,
        "question": question,
        "action": request.POST.get("action", ""),
        "opts": model_admin.opts,
    }
    return render(request, "admin/desk/sure.html", context)


def are_too_many(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> bool:
    """Whether more rows were chosen than one action takes, which is said then."""
    if rows.order_by().values("pk")[: MOST + 1].count() <= MOST:
        return False
    why = f"Nothing was done: an action takes at most {MOST} rows at a time. Choose fewer."
    model_admin.message_user(request, why, messages.ERROR)
    return True
