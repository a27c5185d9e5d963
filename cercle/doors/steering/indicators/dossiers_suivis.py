from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="dossiers_suivis",
    version=1,
    order=60,
    name=_("Dossiers suivis"),
    definition=_("Dossiers de coordination ouverts, suspendus compris, au dernier jour de la période."),
    source="files",
    measure="count(*)",
    dimensions=("level", "referent", "age", "sex", "gir", "alone", "home", "team", "organization"),
)
