"""The carer's exhaustion: our own seven questions, each from 0 (never) to 3 (nearly always); no validated threshold.

Not Zarit's, nor a short form of it: those are protected, derivatives included.
"""

from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, whole

QUESTIONS = ("sommeil", "sante", "repit", "isolement", "patience", "ressources", "lendemain")
OFTEN = 2


def score(profile: Profile) -> Result:
    only(profile, QUESTIONS)
    given(profile, QUESTIONS)
    answers = {name: whole(profile, name, 0, 3) for name in QUESTIONS}
    weighing = [name for name, value in answers.items() if value >= OFTEN]
    return Result(sum(answers.values()), 0, 21, "", {"points_d_attention": weighing})


ENTRY = Instrument(
    name="aidant",
    title=_("Épuisement de l’aidant"),
    purpose=_("Sept questions à l’aidant sur son sommeil, sa santé, son temps et ce qui pèse."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.OWN,
    licence=_("Texte de Cercle, sans emprunt à une échelle protégée."),
    source=_("Cercle. Non validé comme échelle : le total sert à suivre la même personne dans le temps."),
    certainty=Certainty.C,
    missing=NO_SCORE,
    score=score,
    golden=(
        (dict.fromkeys(QUESTIONS, 0), {"score": 0, "points_d_attention": []}),
        (dict.fromkeys(QUESTIONS, 3), {"score": 21, "points_d_attention": list(QUESTIONS)}),
        (
            {**dict.fromkeys(QUESTIONS, 1), "sommeil": 3, "repit": 2},
            {"score": 10, "points_d_attention": ["sommeil", "repit"]},
        ),
    ),
    highest=21,
    better="down",
    warning=_("Toute réponse « souvent » ou plus mérite qu’on en parle, quel que soit le total."),
)
