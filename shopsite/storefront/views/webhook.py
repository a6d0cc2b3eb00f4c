"""Where the payment gateway tells what happened. POST /payments/webhook -> here -> fulfilment.

Answers 200 to what was taken, also twice, and 400 to what was refused; the gateway then tries again.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shopsite.fulfilment import receive_webhook, was_refused

LARGEST = 64 * 1024  # bytes


@csrf_exempt  # it bears a signature instead
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take one webhook."""
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > LARGEST:
        return HttpResponse(f"Need at most {LARGEST} bytes, with their number.", status=413)
    received = receive_webhook(request.body, request.headers)
    if was_refused(received):
        return HttpResponse(received.detail, status=400, content_type="text/plain")
    return HttpResponse(received.verdict, content_type="text/plain")
