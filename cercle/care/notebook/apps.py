from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotebookConfig(AppConfig):
    name = "cercle.care.notebook"
    label = "notebook"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import panels

        from . import notices, views

        for kind in ("note", "reply", "acknowledgement_asked"):
            register_renderer(kind, notices.lines)

        panels.register(
            panels.Panel(
                slug="cahier",
                label=_("Cahier"),
                order=10,
                template="notebook/panel.html",
                context=views.panel,
                permission="read_notebook",
                count="unread",
            )  # fmt: skip
        )
