from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "cercle.base.web"
    label = "web"
