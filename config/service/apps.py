from django.apps import AppConfig


class ServiceConfig(AppConfig):
    """The processes of an installation: `cercle run`, `web`, `jobs`, `stop`, `status`. No rows."""

    name = "config.service"
    label = "service"
