"""Delivery, returns, test cards. urls.py -> here."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orders.addresses import COUNTRIES
from orders.payments.cards import TEST_CARDS
from shopsite.storefront import delivery
from shopsite.storefront.clicks import note

PAGES = {"delivery": "Delivery", "returns": "Returns", "test-cards": "Test cards"}


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page of help."""
    if name not in PAGES:
        raise Http404
    note(request, "page_view")
    return render(
        request,
        f"storefront/help/{name}.html",
        {
            "title": PAGES[name],
            "cost": delivery.COST,
            "free_from": delivery.FREE_FROM,
            "countries": list(COUNTRIES.values()),
            "test_cards": TEST_CARDS,
        },
    )
