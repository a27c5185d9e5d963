from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotebookConfig(AppConfig):
    name = "cercle.care.notebook"
    label = "notebook"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import panels
        from cercle.care.questionnaires import population as forms
        from cercle.people.circles.access import hangs_on, refusable

        from . import notices, population, views
        from .models import Note

        hangs_on(lambda notes: Note.objects.filter(reply_to__in=notes).values_list("pk", flat=True))

        refusable(lambda acting, pk: Note.objects.visible_to(acting).filter(pk=pk).exists())

        forms.provide("measures", population.last_measures)

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
