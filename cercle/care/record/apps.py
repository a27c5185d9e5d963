from django.apps import AppConfig


class RecordConfig(AppConfig):
    name = "cercle.care.record"
    label = "record"
