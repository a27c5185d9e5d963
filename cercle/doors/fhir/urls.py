from django.urls import path

from .server import serve

app_name = "fhir"
urlpatterns = [
    path("fhir", serve, name="root"),
    path("fhir/", serve, name="base"),
    path("fhir/<path:path>", serve, name="serve"),
]
