from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="suites_donnees",
    version=1,
    order=50,
    name=_("Suites données"),
    definition=_("Demandes closes pendant la période, selon la suite donnée."),
    source="requests",
    measure="count(*)",
    moment="x.closed_at",
    where="x.closed_at IS NOT NULL",
    dimensions=("outcome", "level", "reason", "team", "organization"),
)
