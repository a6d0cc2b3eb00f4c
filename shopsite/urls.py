"""Every address of the project, by who answers it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("dashboards.urls")),
    path("", include("shopsite.runtime.urls")),
    path("", include("orders.urls")),
    path("", include("shopsite.storefront.urls")),
]
