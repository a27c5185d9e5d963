from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="plans_en_retard",
    version=2,
    order=160,
    name=_("Plans à revoir en retard"),
    definition=_("Plans en cours dont la date de revue est passée au dernier jour de la période."),
    source="plans",
    measure="count(*)",
    where="x.review_on < (%(end)s AT TIME ZONE %(zone)s)::date - 1",
    dimensions=("held_level", "held_team", "organization"),
    better=-1,
)
