from django.apps import AppConfig


class StaysConfig(AppConfig):
    name = "cercle.care.stays"
    label = "stays"
