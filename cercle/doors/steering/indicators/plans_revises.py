from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="plans_revises",
    version=1,
    order=150,
    name=_("Plans remis en révision"),
    definition=_("Plans accordés ou signés que l’on a rouverts pour les revoir pendant la période."),
    source="plan_events",
    measure="count(*)",
    moment="x.at",
    where="x.to_state = 'revised' AND x.from_state <> 'revised'",
    dimensions=("held_level", "held_team", "organization"),
)
