from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cercle.people.accounts"
    label = "accounts"

    def ready(self):
        from . import (
            frame,
            signals,  # noqa: F401 - connects its receivers
        )

        frame.register()
