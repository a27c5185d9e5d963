from django.apps import AppConfig


class CirclesConfig(AppConfig):
    name = "cercle.people.circles"
    label = "circles"
