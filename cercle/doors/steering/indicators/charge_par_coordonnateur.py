from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="charge_par_coordonnateur",
    version=1,
    order=100,
    name=_("Dossiers par coordonnateur"),
    definition=_(
        "Dossiers suivis au dernier jour de la période, divisés par le nombre de référents qui en ont au moins un."
    ),
    source="files",
    measure="count(*)::float / nullif(count(DISTINCT x.referent_id), 0)",
    dimensions=("level", "team", "organization"),
    decimals=1,
)
