"""Addresses of shopsite/runtime: whether it lives, whether it is ready, the demo's login link."""

from django.urls import URLPattern, URLResolver, path

from shopsite.runtime import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("login/once/<str:token>/", views.login_once, name="login-once"),
]
