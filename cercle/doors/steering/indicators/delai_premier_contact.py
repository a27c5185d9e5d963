from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="delai_premier_contact",
    version=1,
    order=20,
    name=_("Délai de premier contact"),
    definition=_(
        "Médiane des jours entre la réception d’une demande et le premier contact avec la personne ou "
        "son entourage, pour les premiers contacts de la période."
    ),
    source="requests",
    measure="percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', x.first_contact_at - x.received_at) / 86400)",
    moment="x.first_contact_at",
    where="x.first_contact_at IS NOT NULL",
    dimensions=("level", "asker_kind", "channel", "reason", "urgency", "team", "commune", "organization"),
    unit=_("jours"),
    decimals=1,
    better=-1,
)
