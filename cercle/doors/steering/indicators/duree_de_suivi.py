from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="duree_de_suivi",
    version=1,
    order=90,
    name=_("Durée de suivi"),
    definition=_("Médiane des jours entre l’ouverture et la clôture, pour les dossiers clos pendant la période."),
    source="files",
    measure="percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', x.closed_at - x.opened_at) / 86400)",
    moment="x.closed_at",
    where="x.closed_at IS NOT NULL",
    dimensions=("exit_reason", "level", "team", "organization"),
    unit=_("jours"),
)
