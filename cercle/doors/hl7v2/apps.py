from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Hl7v2Config(AppConfig):
    name = "cercle.doors.hl7v2"
    label = "hl7v2"

    def ready(self) -> None:
        from cercle.base.web import places
        from cercle.people.circles.access import may_keep_identities

        from . import reactions  # noqa: F401
        from .queries import bad_count

        places.register(
            places.Place(
                key="hl7", label=_("Messages HL7"), short=_("HL7"), icon="inbox", url_name="hl7v2:messages", order=70,
                counter=bad_count, news=False, allowed=may_keep_identities,
            )
        )  # fmt: skip
