"""A peer of api.py: the same order as JSON from a plain Django view, as most tutorials write it.

Key and order are read from the database at each request, through this project's middlewares.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")

from hashlib import sha256

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

application = get_asgi_application()

from shopsite.urls import urlpatterns as shop  # noqa: E402 - Django is set up first


def order(request: HttpRequest, order_id: str) -> JsonResponse:
    """One order with its lines and history."""
    from orders.models import Order
    from shopsite.api.models import ApiKey

    key = request.headers["authorization"].removeprefix("Bearer ")
    ApiKey.objects.get(public_id=key.split("_")[1], digest=sha256(key.encode()).hexdigest(), revoked_at=None)
    row = Order.objects.prefetch_related("lines", "history").get(pk=order_id)
    lines = [
        {"product_id": line.product_id, "quantity": line.quantity, "price": line.price}
        for line in row.lines.all()
    ]
    history = [
        {"at": step.at, "from": step.from_status, "to": step.to_status, "why": step.why}
        for step in row.history.all()
    ]
    told = {"order_id": row.order_id, "status": row.status, "currency": row.currency, "amount": row.amount}
    return JsonResponse(told | {"lines": lines, "history": history})


urlpatterns = [path("plain/orders/<order_id>", order), *shop]
settings.ROOT_URLCONF = __name__
