from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "cercle.base.audit"
    label = "audit"
