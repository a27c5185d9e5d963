from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "cercle.base.common"
    label = "common"
