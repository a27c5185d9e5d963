from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="sorties",
    version=1,
    order=80,
    name=_("Sorties"),
    definition=_("Dossiers de coordination clos pendant la période."),
    source="files",
    measure="count(*)",
    moment="x.closed_at",
    where="x.closed_at IS NOT NULL",
    dimensions=("exit_reason", "level", "age", "sex", "home", "team", "organization"),
)
