from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="delai_premiere_reponse",
    version=1,
    order=30,
    name=_("Première réponse"),
    definition=_(
        "Médiane des jours entre la réception d’une demande et la réponse donnée à qui l’a faite, pour "
        "les réponses de la période."
    ),
    source="requests",
    measure="percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', x.answered_at - x.received_at) / 86400)",
    moment="x.answered_at",
    where="x.answered_at IS NOT NULL",
    dimensions=("level", "asker_kind", "channel", "reason", "urgency", "team", "commune", "organization"),
    unit=_("jours"),
    decimals=1,
    better=-1,
    goal=2.0,
)
