"""Every route prefix on one screen."""

from django.urls import include, path

urlpatterns: list = [path("healthz", lambda r: None)]

urlpatterns += [path("", include("cercle.people.accounts.urls"))]
