"""Forms that gather and do not measure, and the forms of the ANS as published."""

from django.utils.translation import gettext_lazy as _

from .aggir import ESTIMATE
from .base import Certainty, Instrument, Profile, Result, Rights, Tier, given, one_of, only

PRE_ASSESSMENT = Instrument(
    name="pre-evaluation",
    title=_("Pré-évaluation"),
    purpose=_("Huit réponses qui disent où en est la personne avant d’orienter la demande."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.OWN,
    licence=_("Texte de Cercle."),
    source=_("Cercle, d’après le travail des guichets d’orientation."),
    certainty=Certainty.C,
    missing=_("Sans score : une réponse peut manquer."),
)
FOLLOW_UP = Instrument(
    name="fiche-suivi",
    title=_("Fiche de suivi"),
    purpose=_("Un acte d’appui : quoi, quand, combien de temps, avec qui, et la suite."),
    version="1",
    tier=Tier.OPEN,
    rights=Rights.OWN,
    licence=_("Texte de Cercle."),
    source=_("Cercle."),
    certainty=Certainty.C,
    missing=_("Sans score : seuls l’acte et sa date sont nécessaires."),
)

# Answer « resultat-eval » of the ANS form.
GIR_CODES = {f"MED-{338 + gir}": gir for gir in range(1, 7)}


def entered_gir(profile: Profile) -> Result:
    """The GIR as its author chose it in the form: the form does not compute it, nor do we."""
    only(profile, ("resultat-eval",))
    given(profile, ("resultat-eval",))
    return Result(GIR_CODES[one_of(profile, "resultat-eval", tuple(GIR_CODES))], 1, 6)


AGGIR_SSIAD = Instrument(
    name="aggir-pa-ssiad",
    title=_("Évaluation AGGIR PA SSIAD (ANS)"),
    purpose=_("Le formulaire national d’échange entre SSIAD, codé en CIF. Le GIR y est saisi, pas calculé."),
    version="2.3.0",
    tier=Tier.OPEN,
    rights=Rights.FREE,
    licence=_("Publication de l’Agence du numérique en santé."),
    source=_("ANS, guide « Transfert de données DUI » 2.3.0, Questionnaire tddui-questionnaire-aggir-pa-ssiad."),
    certainty=Certainty.A,
    missing=_("Sans résultat choisi, pas de GIR."),
    score=entered_gir,
    golden=tuple(({"resultat-eval": code}, {"score": gir}) for code, gir in GIR_CODES.items()),
    lowest=1,
    highest=6,
    better="up",
    warning=ESTIMATE,
)
SITUATION_SSIAD = Instrument(
    name="situation-ssiad",
    title=_("Évaluation de la situation SSIAD (ANS)"),
    purpose=_("Le formulaire national des motifs d’intervention d’un SSIAD."),
    version="2.3.0",
    tier=Tier.OPEN,
    rights=Rights.FREE,
    licence=_("Publication de l’Agence du numérique en santé. Libellés CIM-10 : OMS, ATIH."),
    source=_(
        "ANS, guide « Transfert de données DUI », Questionnaire tddui-questionnaire-situation-ssiad ; l’adresse du système CIM-10 est supposée."
    ),
    certainty=Certainty.B,
    missing=_("Sans score."),
)

ICOPE = Instrument(
    name="icope",
    title=_("ICOPE, étape 1 (OMS)"),
    purpose=_("Non fourni : voir « Repérage des 6 fonctions »."),
    version="",
    tier=Tier.FORBIDDEN,
    rights=Rights.PROTECTED,
    licence=_(
        "OMS, CC BY-NC-SA 3.0 IGO : usage commercial exclu et partage à l’identique, ce que notre licence ne permet pas."
    ),
    source=_("Organisation mondiale de la santé."),
    certainty=Certainty.C,
    missing=_("Sans objet."),
)
INTERRAI = Instrument(
    name="interrai",
    title=_("OEMD interRAI"),
    purpose=_("Non fourni : joindre la synthèse comme document."),
    version="",
    tier=Tier.FORBIDDEN,
    rights=Rights.PROTECTED,
    licence=_("© interRAI : pas d’usage sans licence."),
    source=_("interRAI."),
    certainty=Certainty.C,
    missing=_("Sans objet."),
)
