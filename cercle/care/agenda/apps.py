from django.apps import AppConfig


class AgendaConfig(AppConfig):
    name = "cercle.care.agenda"
    label = "agenda"
