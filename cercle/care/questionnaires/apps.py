from django.apps import AppConfig


class QuestionnairesConfig(AppConfig):
    name = "cercle.care.questionnaires"
    label = "questionnaires"
