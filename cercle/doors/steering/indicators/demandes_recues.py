from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="demandes_recues",
    version=1,
    order=10,
    name=_("Demandes reçues"),
    definition=_(
        "Demandes arrivées au guichet pendant la période, quels que soient le canal et la suite, à la "
        "date de réception."
    ),
    source="requests",
    measure="count(*)",
    moment="x.received_at",
    dimensions=("level", "asker_kind", "channel", "reason", "urgency", "team", "commune", "organization"),
)
