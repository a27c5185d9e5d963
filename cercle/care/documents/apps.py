from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DocumentsConfig(AppConfig):
    name = "cercle.care.documents"
    label = "documents"

    def ready(self) -> None:
        from cercle.base.web import panels

        from . import views

        panels.register(
            panels.Panel(
                slug="documents", label=_("Documents"), order=60, template="documents/panel.html", context=views.panel,
                permission="read_notebook", count="documents",
            )
        )  # fmt: skip
