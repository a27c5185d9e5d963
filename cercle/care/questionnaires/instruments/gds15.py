"""GDS-15: fifteen yes-or-no questions; « no » scores on 1, 5, 7, 11 and 13, « yes » on the ten others."""

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, yes

SIGNS = {f"q{n}": n not in {1, 5, 7, 11, 13} for n in range(1, 16)}


def score(profile: Profile) -> Result:
    only(profile, SIGNS)
    given(profile, SIGNS)
    total = sum(yes(profile, name) == sign for name, sign in SIGNS.items())
    return Result(total, 0, 15, _("évoque une dépression, à explorer") if total >= 5 else _("sous le seuil de 5"))


ENTRY = Instrument(
    name="gds-15",
    title=_("Échelle gériatrique de dépression (GDS-15)"),
    purpose=_("Repérer une dépression après 65 ans, en quinze questions."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.FREE,
    licence=_("La GDS est dans le domaine public (déclaration de ses auteurs, Stanford)."),
    source=_(
        "Sheikh et Yesavage 1986. Seuil de 5 lu sur une page publiée ; d’autres en donnent trois niveaux (5 et 10)."
    ),
    certainty=Certainty.B,
    missing=NO_SCORE,
    score=score,
    golden=(
        ({name: not sign for name, sign in SIGNS.items()}, {"score": 0}),
        (dict(SIGNS), {"score": 15}),
        (dict.fromkeys(SIGNS, True), {"score": 10}),
        (dict.fromkeys(SIGNS, False), {"score": 5}),
    ),
    highest=15,
    better="down",
)
