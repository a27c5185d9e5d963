"""EPICES: 75.14 plus one weight for each « yes » among eleven; 0 is no precariousness, 100 the most."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, yes

BASE = Decimal("75.14")
WEIGHTS = {
    "travailleur_social": Decimal("10.06"),
    "complementaire": Decimal("-11.83"),
    "couple": Decimal("-8.28"),
    "proprietaire": Decimal("-8.28"),
    "difficultes_financieres": Decimal("14.80"),
    "sport": Decimal("-6.51"),
    "spectacle": Decimal("-7.10"),
    "vacances": Decimal("-7.10"),
    "famille": Decimal("-9.47"),
    "hebergement": Decimal("-9.47"),
    "aide_materielle": Decimal("-7.10"),
}
THRESHOLD = Decimal("30.17")


def score(profile: Profile) -> Result:
    only(profile, WEIGHTS)
    given(profile, WEIGHTS)
    total = BASE + sum(weight for name, weight in WEIGHTS.items() if yes(profile, name))
    band = (
        _("au-dessus du seuil de précarité (30,17)") if total >= THRESHOLD else _("sous le seuil de précarité (30,17)")
    )
    return Result(float(total), 0, 100, band)


_NO = dict.fromkeys(WEIGHTS, False)
_WORST = {"travailleur_social", "difficultes_financieres"}

ENTRY = Instrument(
    name="epices",
    title=_("Précarité sociale (EPICES)"),
    purpose=_("Onze questions sur les ressources, l’entourage et les loisirs."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.TO_CONFIRM,
    licence=_(
        "Score des centres d’examens de santé de l’Assurance maladie (Cetaf) ; aucune restriction vue. À citer, à faire confirmer."
    ),
    source=_(
        "Cetaf. Poids relus dans du code public et vérifiés par le calcul ; seuil de 30,17 lu sur une page publiée (37,27 de 16 à 25 ans)."
    ),
    certainty=Certainty.A,
    missing=NO_SCORE,
    score=score,
    golden=(
        (_NO, {"score": 75.14}),
        ({**_NO, **dict.fromkeys(_WORST, True)}, {"score": 100.0}),
        ({name: name not in _WORST for name in WEIGHTS}, {"score": 0.0}),
        (dict.fromkeys(WEIGHTS, True), {"score": 24.86}),
    ),
    highest=100,
    better="down",
)
