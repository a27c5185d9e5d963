from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="objectifs_atteints",
    version=1,
    order=180,
    name=_("Objectifs atteints"),
    definition=_("Part des objectifs terminés pendant la période qui l’ont été parce qu’ils étaient atteints."),
    source="goal_events",
    measure="100.0 * count(*) FILTER (WHERE x.to_state = 'reached') / nullif(count(*), 0)",
    moment="x.at",
    where="x.to_state IN ('reached', 'unmet', 'dropped')",
    dimensions=("category", "held_level", "held_team", "organization"),
    unit="%",
    better=1,
)
