from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="closes_avec_reponse",
    version=1,
    order=40,
    name=_("Closes avec réponse"),
    definition=_("Part des demandes closes pendant la période dont le demandeur a reçu une réponse."),
    source="requests",
    measure="100.0 * count(*) FILTER (WHERE x.answered_at IS NOT NULL) / nullif(count(*), 0)",
    moment="x.closed_at",
    where="x.closed_at IS NOT NULL",
    dimensions=("outcome", "level", "asker_kind", "team", "organization"),
    unit="%",
    better=1,
    goal=95.0,
)
