from django.apps import AppConfig


class CoordinationConfig(AppConfig):
    name = "cercle.care.coordination"
    label = "coordination"
