"""Lawton: eight activities, 1 or 0; three of them may be « never did it », and then leave the count."""

from django.utils.translation import gettext_lazy as _

from .base import Certainty, Instrument, Profile, Result, Rights, Tier, given, one_of, only

ACTIVITIES = ("telephone", "courses", "repas", "menage", "linge", "transports", "medicaments", "budget")
MAY_NOT_APPLY = ("repas", "menage", "linge")
NEVER_DID = "jamais"


def score(profile: Profile) -> Result:
    only(profile, ACTIVITIES)
    given(profile, ACTIVITIES)
    answers = [one_of(profile, a, (0, 1, NEVER_DID) if a in MAY_NOT_APPLY else (0, 1)) for a in ACTIVITIES]
    counted = [answer for answer in answers if answer != NEVER_DID]
    return Result(sum(counted), 0, len(counted))


ENTRY = Instrument(
    name="lawton",
    title=_("Activités instrumentales (Lawton)"),
    purpose=_(
        "Huit activités qui demandent de s’organiser : téléphone, courses, repas, ménage, linge, trajets, médicaments, budget."
    ),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.TO_CONFIRM,
    licence=_("Texte d’une revue de 1969, aucune redevance vue. Questions écrites par Cercle. À faire confirmer."),
    source=_("Lawton et Brody 1969. Points par réponse lus sur une page publiée (MSD)."),
    certainty=Certainty.B,
    missing=_(
        "Une réponse manquante : pas de score. « Ne l’a jamais fait » (repas, ménage, linge) sort du compte, et le total le dit."
    ),
    score=score,
    golden=(
        (dict.fromkeys(ACTIVITIES, 1), {"score": 8, "sur": 8}),
        (dict.fromkeys(ACTIVITIES, 0), {"score": 0, "sur": 8}),
        ({**dict.fromkeys(ACTIVITIES, 1), "courses": 0, "budget": 0}, {"score": 6, "sur": 8}),
        (
            {**dict.fromkeys(ACTIVITIES, 1), "repas": "jamais", "menage": "jamais", "linge": "jamais"},
            {"score": 5, "sur": 5},
        ),
    ),
    highest=8,
    better="up",
)
