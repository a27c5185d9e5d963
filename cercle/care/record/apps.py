from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecordConfig(AppConfig):
    name = "cercle.care.record"
    label = "record"

    def ready(self) -> None:
        from cercle.base.realtime import checks
        from cercle.base.web import panels, places

        from . import frame, live

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
