from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrientationConfig(AppConfig):
    name = "cercle.care.orientation"
    label = "orientation"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.realtime import checks
        from cercle.base.web import places
        from cercle.people.circles.desks import DeskRight, desk

        from . import listening, notices, reactions  # noqa: F401

        def holds_desk(request) -> bool:
            found = desk(request)
            return found is not None and found.may(DeskRight.DESK)

        register_renderer("desk_deadline", notices.lines)
        register_renderer("desk_answer", notices.answers)
        checks.register("desk", listening.still_open)
        places.register(
            places.Place(
                key="desk", label=_("Guichet"), icon="inbox", url_name="orientation:desk", order=20, allowed=holds_desk
            )
        )
        places.register_new(
            places.NewThing(
                key="request",
                label=_("Nouvelle demande au guichet"),
                icon="inbox",
                url_name="orientation:new",
                order=30,
                allowed=holds_desk,
            )
        )
