from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "cercle.base.realtime"
    label = "realtime"
