from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "cercle.care.documents"
    label = "documents"
