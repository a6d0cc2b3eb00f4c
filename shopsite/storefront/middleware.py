"""Know the visitor before a view runs, tell the clicks after its answer. settings.MIDDLEWARE -> here."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from shopsite.storefront.clicks import tell_afterwards
from shopsite.storefront.visitors import ShopRequest, read_visitor


class VisitorMiddleware:
    """Sets `request.visitor`; cookies go out only where a page noted a click."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        shop_request = cast(ShopRequest, request)
        shop_request.visitor = read_visitor(request.COOKIES)
        response = self.get_response(request)
        tell_afterwards(shop_request, response)
        return response
