"""Protected scales: their questions are not ours to show. A total is typed in, with its date and who scored it; its bounds are
checked, and no band is shown.
"""

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from .base import Certainty, Instrument, Profile, Result, Rights, Tier, given, only, whole

MISSING = _("Sans total, pas de score.")


def _bounded(highest: int) -> Callable[[Profile], Result]:
    def score(profile: Profile) -> Result:
        only(profile, ("total", "date", "cotateur"))
        given(profile, ("total",))
        return Result(whole(profile, "total", 0, highest), 0, highest)

    return score


def _golden(highest: int) -> tuple:
    return tuple(({"total": n}, {"score": n, "sur": highest}) for n in (0, highest // 2, highest))


ZARIT = Instrument(
    name="zarit",
    title=_("Fardeau de l’aidant (Zarit)"),
    purpose=_("Total sur 88, coté ailleurs, saisi ici avec sa date et son auteur."),
    version="22",
    tier=Tier.TOTAL,
    rights=Rights.PROTECTED,
    licence=_(
        "© Zarit ; Mapi Research Trust accorde seul les licences, traductions et versions électroniques comprises."
    ),
    source=_("Zarit 1980. Bornes : 22 questions de 0 à 4."),
    certainty=Certainty.B,
    missing=MISSING,
    score=_bounded(88),
    golden=_golden(88),
    highest=88,
    better="down",
)
MMSE = Instrument(
    name="mmse",
    title=_("MMSE"),
    purpose=_("Total sur 30, coté ailleurs, saisi ici avec sa date et son auteur."),
    version="1",
    tier=Tier.TOTAL,
    rights=Rights.PROTECTED,
    licence=_("Droits détenus par un éditeur : ni les questions ni les consignes ne peuvent être reproduites."),
    source=_("Folstein 1975. Bornes : 0 à 30."),
    certainty=Certainty.C,
    missing=MISSING,
    score=_bounded(30),
    golden=_golden(30),
    highest=30,
    better="up",
)
MOCA = Instrument(
    name="moca",
    title=_("MoCA"),
    purpose=_("Total sur 30, coté ailleurs par une personne formée, saisi ici avec sa date et son auteur."),
    version="1",
    tier=Tier.TOTAL,
    rights=Rights.PROTECTED,
    licence=_("© Nasreddine ; formation payante obligatoire pour coter."),
    source=_("Nasreddine 2005. Bornes : 0 à 30."),
    certainty=Certainty.B,
    missing=MISSING,
    score=_bounded(30),
    golden=_golden(30),
    highest=30,
    better="up",
)
MNA_SF = Instrument(
    name="mna-sf",
    title=_("Nutrition (MNA-SF)"),
    purpose=_("Total sur 14, coté ailleurs, saisi ici avec sa date et son auteur."),
    version="1",
    tier=Tier.TOTAL,
    rights=Rights.PROTECTED,
    licence=_("Marque et droits de Nestlé : l’usage dans un logiciel demande une autorisation."),
    source=_("Bornes : 0 à 14."),
    certainty=Certainty.C,
    missing=MISSING,
    score=_bounded(14),
    golden=_golden(14),
    highest=14,
    better="up",
)
