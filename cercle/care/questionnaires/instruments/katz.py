"""Katz: six acts of daily life, 1 done alone, 0.5 with some help, 0 not done; 0 to 6, 6 is autonomous."""

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Number, Profile, Result, Rights, Tier, given, one_of, only

ACTS = ("hygiene", "habillage", "toilettes", "transferts", "continence", "repas")


def score(profile: Profile) -> Result:
    only(profile, ACTS)
    given(profile, ACTS)
    total: Number = sum(one_of(profile, act, (0, 0.5, 1)) for act in ACTS)
    return Result(int(total) if total == int(total) else total, 0, 6)


ENTRY = Instrument(
    name="katz",
    title=_("Actes de la vie quotidienne (Katz)"),
    purpose=_("Six gestes de base : se laver, s’habiller, aller aux toilettes, se lever, être continent, manger."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.TO_CONFIRM,
    licence=_("Échelle reproduite partout, aucun titulaire trouvé. Questions écrites par Cercle. À faire confirmer."),
    source=_("Katz 1963 ; Katz et Akpom 1976. Cotation française 0, 0,5 ou 1 lue sur une page publiée."),
    certainty=Certainty.B,
    missing=NO_SCORE,
    score=score,
    golden=(
        (dict.fromkeys(ACTS, 1), {"score": 6}),
        (dict.fromkeys(ACTS, 0), {"score": 0}),
        (dict.fromkeys(ACTS, 0.5), {"score": 3}),
        ({**dict.fromkeys(ACTS, 1), "habillage": 0.5, "continence": 0}, {"score": 4.5}),
    ),
    highest=6,
    better="up",
    warning=_("Les seuils varient d’une source à l’autre : aucun n’est affiché."),
)
