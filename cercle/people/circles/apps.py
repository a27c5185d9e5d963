from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CirclesConfig(AppConfig):
    name = "cercle.people.circles"
    label = "circles"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import panels, places

        from . import notices, views

        panels.register(
            panels.Panel(
                slug="cercle",
                label=_("Cercle"),
                order=20,
                template="circles/panel.html",
                context=views.panel,
                permission="read_circle",
                count="members",
            )
        )
        places.register_new(
            places.NewThing(
                key="emergency",
                label=_("Ouvrir un dossier en urgence"),
                icon="lock-open",
                url_name="circles:emergency",
                order=90,
                allowed=views.may_break,
            )  # fmt: skip
        )
        for kind in ("invitation", "member_joined", "member_left", "join_asked", "opposition", "break_glass"):
            register_renderer(kind, notices.lines)
