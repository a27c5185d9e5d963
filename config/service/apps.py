from django.apps import AppConfig


class ServiceConfig(AppConfig):
    """The processes of an installation: `cercle run`, `web`, `jobs`, `stop`, `status`. No rows."""

    name = "config.service"
    label = "service"

    def ready(self) -> None:
        from cercle.base.common import health
        from config import checks, facts  # noqa: F401  registers the checks

        health.probe("seal", facts.seal)
