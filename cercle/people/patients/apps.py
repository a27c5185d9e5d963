from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "cercle.people.patients"
    label = "patients"
