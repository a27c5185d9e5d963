from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="actes",
    version=1,
    order=110,
    name=_("Actes"),
    definition=_("Fiches de suivi de la période, à la date de l’acte, sans celles qui ont été retirées."),
    source="sheets",
    measure="count(*)",
    moment="x.at",
    dimensions=("act", "topic", "author", "file_level", "file_team", "organization"),
)
