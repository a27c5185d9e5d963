"""How a contact is related to the patient: value set JDV_J11-RelationPatient-CISIS (ANS, HL7 RoleCode and TRE_R327)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Relationship(models.TextChoices):
    WIFE = "WIFE", _("Épouse")
    HUSB = "HUSB", _("Époux")
    DOMPART = "DOMPART", _("Concubin(e) ou partenaire de PACS")
    SIGOTHR = "SIGOTHR", _("Conjoint(e)")
    DAUC = "DAUC", _("Fille")
    SONC = "SONC", _("Fils")
    CHILD = "CHILD", _("Enfant")
    DAU = "DAU", _("Fille biologique")
    SON = "SON", _("Fils biologique")
    MTH = "MTH", _("Mère")
    FTH = "FTH", _("Père")
    NMTH = "NMTH", _("Mère biologique")
    NFTH = "NFTH", _("Père biologique")
    STPMTH = "STPMTH", _("Belle-mère, épouse du père ou de la mère")
    STPFTH = "STPFTH", _("Beau-père, époux du père ou de la mère")
    SIS = "SIS", _("Sœur")
    BRO = "BRO", _("Frère")
    HSIS = "HSIS", _("Demi-sœur")
    HBRO = "HBRO", _("Demi-frère")
    GRNDDAU = "GRNDDAU", _("Petite-fille")
    GRNDSO = "GRNDSO", _("Petit-fils")
    GRMTH = "GRMTH", _("Grand-mère")
    GRFTH = "GRFTH", _("Grand-père")
    GGRMTH = "GGRMTH", _("Arrière-grand-mère")
    GGRFTH = "GGRFTH", _("Arrière-grand-père")
    NIECE = "NIECE", _("Nièce")
    NEPHEW = "NEPHEW", _("Neveu")
    AUNT = "AUNT", _("Tante")
    UNCLE = "UNCLE", _("Oncle")
    COUSN = "COUSN", _("Cousin(e)")
    FAMMEMB = "FAMMEMB", _("Autre membre de la famille")
    NBOR = "NBOR", _("Voisin(e)")
    ROOM = "ROOM", _("Personne vivant sous le même toit")
    FRND = "FRND", _("Autre proche")
    TUTEUR = "TUTEUR", _("Tuteur ou tutrice")
    CURATEUR = "CURATEUR", _("Curateur ou curatrice")
    MSVG = "MSVG", _("Mandataire de sauvegarde")


# Legal protection (TRE_R327, OID 1.2.250.1.213.1.1.4.327); the others are HL7 RoleCode 2.16.840.1.113883.5.111.
PROTECTION = frozenset({Relationship.TUTEUR, Relationship.CURATEUR, Relationship.MSVG})
