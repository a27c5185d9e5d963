"""Pain: the number the person gives, from 0 to 10."""

from django.utils.translation import gettext_lazy as _

from .base import Certainty, Instrument, Profile, Result, Rights, Tier, given, only, whole

EXTRA = ("siege", "moment", "mouvement")  # told, never counted


def score(profile: Profile) -> Result:
    only(profile, ("douleur", *EXTRA))
    given(profile, ("douleur",))
    return Result(whole(profile, "douleur", 0, 10), 0, 10)


ENTRY = Instrument(
    name="douleur",
    title=_("Douleur, de 0 à 10"),
    purpose=_("L’intensité que la personne donne elle-même : 0 aucune, 10 la pire imaginable."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.FREE,
    licence=_("Échelle numérique d’usage commun, sans titulaire."),
    source=_("Échelle numérique simple, usage courant. Aucun seuil affiché : on compare la personne à elle-même."),
    certainty=Certainty.C,
    missing=_("Sans réponse, pas de score. Une personne qui ne peut pas répondre demande une échelle d’observation."),
    score=score,
    golden=(
        ({"douleur": 0}, {"score": 0}),
        ({"douleur": 10}, {"score": 10}),
        ({"douleur": 4, "siege": "genou droit"}, {"score": 4}),
    ),
    highest=10,
    better="down",
)
