from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoordinationConfig(AppConfig):
    name = "cercle.care.coordination"
    label = "coordination"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.realtime import checks
        from cercle.base.web import panels, places, todo
        from cercle.care.agenda import outcomes
        from cercle.people.circles.desks import DeskRight, desk

        from . import listening, notices, own_tasks
        from .views import files, sheets

        def holds_files(request) -> bool:
            found = desk(request)
            return found is not None and found.may(DeskRight.FILES)

        register_renderer("referent_changed", notices.lines)
        checks.register("file", listening.still_open)
        panels.register(
            panels.Panel(
                slug="coordination",
                label=_("Appui"),
                order=35,
                template="coordination/panel.html",
                context=files.panel,
                permission="coordinate",
            )  # fmt: skip
        )
        places.register(
            places.Place(
                key="files",
                label=_("Mes dossiers"),
                short=_("Dossiers"),
                icon="folder",
                url_name="coordination:files",
                order=15,
                allowed=holds_files,
            )  # fmt: skip
        )
        places.register(
            places.Place(
                key="tasks",
                label=_("Mes tâches"),
                short=_("Tâches"),
                icon="list",
                url_name="coordination:tasks",
                order=25,
                allowed=holds_files,
            )  # fmt: skip
        )
        own_tasks.register(todo)
        for kind in ("visit", "call", "meeting"):
            outcomes.register(kind, _("En faire une fiche de suivi"), sheets.url_of_visit)

        from . import plan_setup

        plan_setup.register()
        autodiscover_modules("held")  # what else the apps above say that somebody holds (handing.py)
