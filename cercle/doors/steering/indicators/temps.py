from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="temps",
    version=1,
    order=120,
    name=_("Temps passé"),
    definition=_("Somme des durées des fiches de suivi de la période."),
    source="sheets",
    measure="sum(x.minutes) / 60.0",
    moment="x.at",
    dimensions=("act", "topic", "author", "file_level", "file_team", "organization"),
    unit=_("heures"),
)
