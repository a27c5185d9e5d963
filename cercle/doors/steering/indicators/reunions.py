from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="reunions",
    version=1,
    order=130,
    name=_("Réunions de concertation"),
    definition=_("Réunions tenues pendant la période."),
    source="meetings",
    measure="count(*)",
    moment="x.starts_at",
    dimensions=("held_level", "held_team", "organization"),
)
