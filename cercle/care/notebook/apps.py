from django.apps import AppConfig


class NotebookConfig(AppConfig):
    name = "cercle.care.notebook"
    label = "notebook"
