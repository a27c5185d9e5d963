from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "cercle.base.notifications"
    label = "notifications"
