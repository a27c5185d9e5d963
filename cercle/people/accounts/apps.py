from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cercle.people.accounts"
    label = "accounts"

    def ready(self):
        from cercle.people.directory import gate

        from . import (
            frame,
            signals,  # noqa: F401 - connects its receivers
        )
        from .acting import person_acting

        frame.register()
        gate.install(acting=person_acting)
