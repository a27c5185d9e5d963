from django.utils.translation import gettext_lazy as _

from ..indicator import Indicator

INDICATOR = Indicator(
    key="plans_relus_a_temps",
    version=2,
    order=170,
    name=_("Plans relus à temps"),
    definition=_(
        "Part des plans en cours ayant une date de revue qui n’est pas dépassée, au dernier jour de la période."
    ),
    source="plans",
    measure="100.0 * count(*) FILTER (WHERE x.review_on >= (%(end)s AT TIME ZONE %(zone)s)::date - 1) / nullif(count(*), 0)",
    where="x.review_on IS NOT NULL",
    dimensions=("held_level", "held_team", "organization"),
    unit="%",
    better=1,
    goal=80.0,
)
