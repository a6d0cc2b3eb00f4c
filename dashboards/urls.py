"""Addresses of dashboards."""

from django.urls import URLPattern, URLResolver, path

from dashboards.shares.views import share, shared
from dashboards.views import answers, density, live, ops, product

urlpatterns: list[URLPattern | URLResolver] = [
    path("dashboard/", live, name="dashboard"),
    path("dashboard/density/", density, name="density"),
    path("dashboard/answers/", answers, name="answers"),
    path("dashboard/product/<str:key>/", product, name="product_figures"),
    path("dashboard/share/", share, name="share"),
    path("shared/<str:token>/", shared, name="shared"),
    path("ops/", ops, name="ops"),
]
