from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DocumentsConfig(AppConfig):
    name = "cercle.care.documents"
    label = "documents"

    def ready(self) -> None:
        from cercle.base.web import panels
        from cercle.people.circles.access import refusable

        from . import views
        from .models import Document

        refusable(lambda acting, pk: Document.objects.visible_to(acting).filter(pk=pk).exists())

        panels.register(
            panels.Panel(
                slug="documents", label=_("Documents"), order=60, template="documents/panel.html", context=views.panel,
                permission="read_notebook", count="documents",
            )
        )  # fmt: skip
