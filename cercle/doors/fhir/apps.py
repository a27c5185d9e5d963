from django.apps import AppConfig


class FhirConfig(AppConfig):
    name = "cercle.doors.fhir"
    label = "fhir"
