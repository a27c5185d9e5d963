from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotebookConfig(AppConfig):
    name = "cercle.care.notebook"
    label = "notebook"

    def ready(self) -> None:
        from cercle.base.web import panels

        from . import views

        panels.register(
            panels.Panel(
                slug="cahier", label=_("Cahier"), order=10, template="notebook/panel.html", context=views.panel,
                permission="read_notebook", count="unread",
            )  # fmt: skip
        )
