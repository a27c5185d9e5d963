from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgendaConfig(AppConfig):
    name = "cercle.care.agenda"
    label = "agenda"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import panels, places
        from cercle.people.circles.access import viewer_of

        from . import deadlines, notices, reactions, stays, views  # noqa: F401

        def works(request) -> bool:
            return viewer_of(request).practice_role_id is not None

        places.register(
            places.Place(
                key="agenda", label=_("Agenda"), icon="calendar-days", url_name="agenda:mine", order=30, on_phone=True,
                allowed=works,
            )
        )  # fmt: skip
        places.register_new(
            places.NewThing(
                key="appointment", label=_("Poser un rendez-vous"), icon="calendar-plus", url_name="agenda:new", order=40,
                allowed=works,
            )
        )  # fmt: skip
        panels.register(
            panels.Panel(
                slug="agenda", label=_("Agenda"), order=50, template="agenda/panel.html", context=views.panel,
                permission="read_agenda", count="appointments",
            )
        )  # fmt: skip
        register_renderer("appointment", notices.lines)
        deadlines.register(stays.moves)
