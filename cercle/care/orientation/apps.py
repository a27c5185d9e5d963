from django.apps import AppConfig


class OrientationConfig(AppConfig):
    name = "cercle.care.orientation"
    label = "orientation"
