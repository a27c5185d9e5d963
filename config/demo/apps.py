from django.apps import AppConfig


class DemoConfig(AppConfig):
    """An invented territory. Its only table is the mark that says « this database is a demonstration »."""

    name = "config.demo"
    label = "demo"

    def ready(self) -> None:
        from cercle.base.web import places

        from .models import is_demo

        places.register_demo(is_demo)
