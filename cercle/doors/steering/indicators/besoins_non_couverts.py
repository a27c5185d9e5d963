from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="besoins_non_couverts",
    version=1,
    order=190,
    name=_("Besoins non couverts"),
    definition=_("Objectifs déclarés non atteints pendant la période, avec leur raison."),
    source="goal_events",
    measure="count(*)",
    moment="x.at",
    where="x.to_state = 'unmet'",
    dimensions=("category", "held_level", "held_team", "organization"),
    better=-1,
)
