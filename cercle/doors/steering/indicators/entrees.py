from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="entrees",
    version=1,
    order=70,
    name=_("Entrées"),
    definition=_("Dossiers de coordination ouverts pendant la période."),
    source="files",
    measure="count(*)",
    moment="x.opened_at",
    dimensions=("entry_reason", "level", "age", "sex", "home", "team", "organization"),
)
