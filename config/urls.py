"""Every route prefix on one screen."""

from django.urls import include, path

from cercle.base.common.health import healthz

urlpatterns: list = [path("healthz", healthz)]

urlpatterns += [path("", include("cercle.people.accounts.urls"))]
urlpatterns += [path("", include("cercle.care.documents.urls")), path("", include("cercle.care.stays.urls"))]
