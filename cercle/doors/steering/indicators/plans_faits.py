from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="plans_faits",
    version=1,
    order=140,
    name=_("Plans signés"),
    definition=_("Plans signés par l’équipe pendant la période."),
    source="plan_events",
    measure="count(*)",
    moment="x.at",
    where="x.to_state = 'signed'",
    dimensions=("held_level", "held_team", "organization"),
    better=1,
)
