"""« Repérage des 6 fonctions »: our own words, no validated total; each function in alert asks to be looked at.

Not the WHO's ICOPE: its text is under a licence (CC BY-NC-SA) that does not fit ours. The result counts functions, it does
not measure.
"""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .base import NO_SCORE, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, yes

# The functions, and the signs (yes = to be looked at) that light each.
FUNCTIONS = {
    "memoire": ("memoire_plainte", "memoire_reperes"),
    "mobilite": ("mobilite_lever", "mobilite_equilibre"),
    "nutrition": ("nutrition_poids", "nutrition_appetit"),
    "vue": ("vue",),
    "audition": ("audition",),
    "humeur": ("humeur_tristesse", "humeur_envie"),
}
SIGNS = tuple(sign for signs in FUNCTIONS.values() for sign in signs)


def score(profile: Profile) -> Result:
    only(profile, SIGNS)
    given(profile, SIGNS)
    lit = {sign for sign in SIGNS if yes(profile, sign)}
    alerts = [name for name, signs in FUNCTIONS.items() if lit & set(signs)]
    band = _now("à regarder : %(names)s") % {"names": ", ".join(str(LABELS[name]) for name in alerts)} if alerts else ""
    return Result(len(alerts), 0, 6, band, {"fonctions": alerts})


LABELS = {
    "memoire": _("mémoire"),
    "mobilite": _("mobilité"),
    "nutrition": _("nutrition"),
    "vue": _("vue"),
    "audition": _("audition"),
    "humeur": _("humeur"),
}
_NONE = dict.fromkeys(SIGNS, False)

ENTRY = Instrument(
    name="six-fonctions",
    title=_("Repérage des 6 fonctions"),
    purpose=_("Mémoire, mobilité, nutrition, vue, audition, humeur : ce qui mérite d’être regardé de plus près."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.OWN,
    licence=_("Texte de Cercle. Ce n’est pas le programme ICOPE de l’OMS, dont la licence exclut cet usage."),
    source=_("Cercle, d’après les six domaines de l’avancée en âge décrits par l’OMS. Non validé comme échelle."),
    certainty=Certainty.C,
    missing=NO_SCORE,
    score=score,
    golden=(
        (_NONE, {"score": 0, "fonctions": []}),
        (dict.fromkeys(SIGNS, True), {"score": 6, "fonctions": list(FUNCTIONS)}),
        (
            {**_NONE, "memoire_plainte": True, "memoire_reperes": True, "vue": True},
            {"score": 2, "fonctions": ["memoire", "vue"]},
        ),
    ),
    highest=6,
    better="down",
    warning=_("Repérage, pas une mesure : une seule fonction à regarder suffit pour en parler."),
)
