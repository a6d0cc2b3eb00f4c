"""Every address of the project, by who answers it."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from shopsite.api.guide import guide

urlpatterns = [
    # the admin's pages name no icon, so browsers ask here
    path("favicon.ico", RedirectView.as_view(url="/static/shopsite/shop/icon.svg")),
    path("admin/", admin.site.urls),
    path("api/", guide, name="api_guide"),  # what is below it is answered by api/server.py
    path("", include("dashboards.urls")),
    path("", include("shopsite.runtime.urls")),
    path("", include("orders.urls")),
    path("", include("shopsite.storefront.urls")),
]
