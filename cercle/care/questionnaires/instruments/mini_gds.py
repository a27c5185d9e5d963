"""Mini-GDS: four questions, one point each on the depressive side; from 1 on, look further."""

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, yes

SIGNS = {"decourage": True, "vie_vide": True, "heureux": False, "desespere": True}  # the answer that scores a point


def score(profile: Profile) -> Result:
    only(profile, SIGNS)
    given(profile, SIGNS)
    total = sum(yes(profile, name) == sign for name, sign in SIGNS.items())
    return Result(total, 0, 4, _("à explorer") if total else _("dépression peu probable"))


_NO_SIGN = {name: not sign for name, sign in SIGNS.items()}

ENTRY = Instrument(
    name="mini-gds",
    title=_("Humeur, quatre questions (mini-GDS)"),
    purpose=_("Repérer en une minute une dépression possible."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.FREE,
    licence=_("La GDS est dans le domaine public (déclaration de ses auteurs, Stanford)."),
    source=_("Clément 1997 ; cotation lue sur Agevillage."),
    certainty=Certainty.B,
    missing=NO_SCORE,
    score=score,
    golden=(
        (_NO_SIGN, {"score": 0}),
        (dict(SIGNS), {"score": 4}),
        ({**_NO_SIGN, "heureux": False}, {"score": 1}),
        ({"decourage": "oui", "vie_vide": "non", "heureux": "oui", "desespere": "non"}, {"score": 1}),
    ),
    highest=4,
    better="down",
)
