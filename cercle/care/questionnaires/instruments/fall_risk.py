"""Fall risk: our own words, a count of what can be acted on; no validated threshold."""

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, whole, yes

FACTORS = ("relever_seul", "peur", "equilibre", "aide_marche", "traitements", "vue_pieds", "logement", "nuit")
FALLS = "chutes_12_mois"


def score(profile: Profile) -> Result:
    only(profile, (*FACTORS, FALLS))
    given(profile, (*FACTORS, FALLS))
    falls = whole(profile, FALLS, 0, 365)
    found = [name for name in FACTORS if yes(profile, name)]
    return Result(len(found) + (falls > 0), 0, 9, "", {"chutes": falls, "facteurs": found})


_NONE = {**dict.fromkeys(FACTORS, False), FALLS: 0}

ENTRY = Instrument(
    name="risque-chute",
    title=_("Risque de chute"),
    purpose=_("Chutes de l’année et ce qui peut être corrigé : marche, traitements, pieds, logement, nuit."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.OWN,
    licence=_("Texte de Cercle."),
    source=_("Cercle. Non validé comme échelle : le nombre compte les points à travailler."),
    certainty=Certainty.C,
    missing=NO_SCORE,
    score=score,
    golden=(
        (_NONE, {"score": 0, "chutes": 0, "facteurs": []}),
        ({**_NONE, FALLS: 3}, {"score": 1, "chutes": 3}),
        ({**dict.fromkeys(FACTORS, True), FALLS: 1}, {"score": 9}),
        ({**_NONE, "peur": "oui", "logement": "oui"}, {"score": 2, "facteurs": ["peur", "logement"]}),
    ),
    highest=9,
    better="down",
    warning=_("Compte de points à travailler, sans seuil."),
)
