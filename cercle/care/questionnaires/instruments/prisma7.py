"""PRISMA-7: seven yes-or-no questions, one point per yes, item 6 too; from 3 on, look further.

Item 6 (is there someone to count on): « yes » scores. Several public tools count « no »; the authors' own guide says that the
figure may surprise and is no mistake: in the 594 persons of the study, those who named someone were more often losing
autonomy. Guide: Raîche, Hébert, Dubois, in « Intégrer les services pour le maintien de l'autonomie des personnes », Edisem
2004, p. 157. Paper: Arch Gerontol Geriatr 2008;47:9-18, « three or more positive answers ».

The questions are not shipped: the guide of 2016 says that the Centre d'expertise en santé de Sherbrooke holds the rights and
grants licences by agreement. The arithmetic is kept for who has one.
"""

from django.utils.translation import gettext_lazy as _

from .base import BadProfile, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, whole, yes

ITEMS = tuple(f"q{n}" for n in range(1, 8))


def score(profile: Profile) -> Result:
    """Seven answers, or the total alone."""
    only(profile, (*ITEMS, "total"))
    if profile.get("total") is not None:
        if any(profile.get(item) is not None for item in ITEMS):
            raise BadProfile(str(_("le total ou les sept réponses, pas les deux")))
        total = whole(profile, "total", 0, 7)
    else:
        given(profile, ITEMS)
        total = sum(yes(profile, item) for item in ITEMS)
    return Result(total, 0, 7)


ENTRY = Instrument(
    name="prisma-7",
    title=_("PRISMA-7"),
    purpose=_("Repérer une perte d’autonomie modérée à grave."),
    version="2008",
    tier=Tier.TOTAL,
    rights=Rights.PROTECTED,
    licence=_(
        "Le Centre d’expertise en santé de Sherbrooke détient les droits et accorde des licences par entente. Les questions ne "
        "sont pas fournies ; on saisit le total."
    ),
    source=_(
        "Raîche, Hébert et Dubois 2008 ; guide des auteurs (2004, révisé en 2016) : à la question 6, c’est « oui » qui compte."
    ),
    certainty=Certainty.B,
    missing=_("Une réponse manquante : pas de score."),
    score=score,
    golden=(
        (dict.fromkeys(ITEMS, False), {"score": 0}),
        (dict.fromkeys(ITEMS, True), {"score": 7}),
        ({**dict.fromkeys(ITEMS, False), "q6": True}, {"score": 1}),
        ({"total": 3}, {"score": 3}),
    ),
    highest=7,
    better="down",
)
