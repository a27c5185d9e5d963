from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    name = "cercle.base.audit"
    label = "audit"

    def ready(self):
        autodiscover_modules("reactions")
        post_migrate.connect(_narrow_the_grants, sender=self, dispatch_uid="audit.grants")


def _narrow_the_grants(using, **_):
    """Default privileges of the schema may have given the application role more than append."""
    from django.db import connections

    from . import grants

    connection = connections[using]
    if connection.vendor == "postgresql" and "audit_event" in connection.introspection.table_names():
        grants.apply(connection)
