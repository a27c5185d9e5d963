from django.apps import AppConfig


class StructuresConfig(AppConfig):
    name = "cercle.care.structures"
    label = "structures"
