from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "cercle.base.common"
    label = "common"

    def ready(self) -> None:
        from .connections import install

        install()
