from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecordConfig(AppConfig):
    name = "cercle.care.record"
    label = "record"

    def ready(self) -> None:
        from cercle.base.realtime import checks
        from cercle.base.web import panels, places

        from . import access_log, frame, identity_places, live, notices

        panels.set_frame(frame.show)
        places.register(
            places.Place(
                key="patients",
                label=_("Mes patients"),
                short=_("Patients"),
                icon="users",
                url_name="record:patients",
                order=10,
                counter=live.unread_circles,
                on_phone=True,
            )  # fmt: skip
        )
        checks.register("circle", live.still_open)
        panels.register(
            panels.Panel(
                slug="acces",
                label=_("Qui a consulté"),
                order=70,
                template="record/log.html",
                context=access_log.panel,
                permission="read_access_log",
            )  # fmt: skip
        )
        places.register_bell(notices.unread, "record:notifications")
        places.register_link("bell", _("Mes notifications"), "record:notification_settings")
        places.register_palette("record:palette")
        places.register_help("record:help")
        identity_places.register()
