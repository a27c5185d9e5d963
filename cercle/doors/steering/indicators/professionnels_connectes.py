from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="professionnels_connectes",
    version=2,
    order=200,
    name=_("Professionnels connectés"),
    definition=_(
        "Professionnels ayant un compte et membres, au dernier jour de la période, du cercle d’une personne suivie."
    ),
    source="connected",
    measure="count(DISTINCT x.id)",
    dimensions=("profession", "organization"),
    better=1,
    small="count(DISTINCT x.id)",
)
