"""The closed lists of the coordination file."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FileState(models.TextChoices):
    OPEN = "open", _("en cours")
    SUSPENDED = "suspended", _("suspendu")
    CLOSED = "closed", _("clos")


class Level(models.IntegerChoices):
    """Rule 7: 1 information and orientation, 2 support, 3 intensive follow-up."""

    ONE = 1, _("1 : information et orientation")
    TWO = 2, _("2 : appui au parcours")
    THREE = 3, _("3 : suivi intensif")


class EntryReason(models.TextChoices):
    HOME = "home", _("maintien à domicile difficile")
    DISCHARGE = "discharge", _("sortie d’hospitalisation à organiser")
    AUTONOMY = "autonomy", _("perte d’autonomie")
    COGNITIVE = "cognitive", _("troubles cognitifs ou psychiques")
    CARER = "carer", _("épuisement de l’aidant")
    RIGHTS = "rights", _("accès aux droits")
    ISOLATION = "isolation", _("isolement")
    HOUSING = "housing", _("logement")
    REFUSAL = "refusal", _("refus ou rupture de soins")
    PALLIATIVE = "palliative", _("fin de vie")
    NO_DOCTOR = "no_doctor", _("sans médecin traitant")
    TRANSFER = "transfer", _("reprise du dossier d’un autre DAC")
    OTHER = "other", _("autre")


class ExitReason(models.TextChoices):
    GOALS = "goals", _("objectifs atteints")
    RELAY = "relay", _("relais pris par d’autres")
    RESIDENCE = "residence", _("entrée en établissement")
    MOVED = "moved", _("départ du territoire")
    DEATH = "death", _("décès")
    REFUSED = "refused", _("la personne ne souhaite plus l’appui")
    LOST = "lost", _("perdu de vue")
    TRANSFER = "transfer", _("passé à un autre DAC")
    OTHER = "other", _("autre")


class Act(models.TextChoices):
    CALL = "call", _("Appel")
    VISIT = "visit", _("Visite")
    MEETING = "meeting", _("Réunion")
    MAIL = "mail", _("Courrier")
    ADMIN = "admin", _("Démarche")
    OTHER = "other", _("Autre")


ACT_ICONS = {
    "call": "phone",
    "visit": "house",
    "meeting": "users",
    "mail": "mail",
    "admin": "folder",
    "other": "ellipsis",
}


class Topic(models.TextChoices):
    COORDINATION = "coordination", _("Coordination")
    ASSESSMENT = "assessment", _("Évaluation")
    HEALTH = "health", _("Santé et soins")
    HOME_HELP = "home_help", _("Aide à domicile")
    RIGHTS = "rights", _("Droits et finances")
    CARER = "carer", _("Aidants")
    HOUSING = "housing", _("Logement")
    HOSPITAL = "hospital", _("Hôpital, établissement")
    SOCIAL_LIFE = "social_life", _("Vie sociale")
    OTHER = "other", _("Autre")


class SheetState(models.TextChoices):
    CURRENT = "current", _("en cours")
    WITHDRAWN = "withdrawn", _("retirée")


class EventKind(models.TextChoices):
    """What can happen to a file; `FileEvent.data` holds the detail."""

    OPENED = "opened", _("ouverture")
    REOPENED = "reopened", _("réouverture")
    LEVEL = "level", _("niveau")
    REFERENT = "referent", _("référent")
    CO_REFERENT = "co_referent", _("co-référent ajouté")
    CO_REFERENT_ENDED = "co_referent_ended", _("co-référent retiré")
    SUSPENDED = "suspended", _("suspension")
    RESUMED = "resumed", _("reprise")
    SYNTHESIS = "synthesis", _("synthèse")
    ADMINISTRATIVE = "administrative", _("dossier administratif")
    CLOSED = "closed", _("clôture")
    TRANSFERRED_OUT = "transferred_out", _("passé à un autre DAC")
    TRANSFERRED_IN = "transferred_in", _("reçu d’un autre DAC")


class Housing(models.TextChoices):
    OWNER = "owner", _("propriétaire")
    TENANT = "tenant", _("locataire")
    SOCIAL = "social", _("logement social")
    HOSTED = "hosted", _("hébergé chez un proche")
    RESIDENCE = "residence", _("résidence autonomie")
    EHPAD = "ehpad", _("EHPAD")
    SHELTER = "shelter", _("hébergement d’urgence")
    NONE = "none", _("sans logement")
    OTHER = "other", _("autre")


class Family(models.TextChoices):
    ALONE = "alone", _("vit seul(e)")
    COUPLE = "couple", _("en couple")
    CHILDREN = "children", _("avec ses enfants")
    PARENTS = "parents", _("avec ses parents")
    OTHERS = "others", _("avec d’autres personnes")
    INSTITUTION = "institution", _("en établissement")


class Protection(models.TextChoices):
    """Code civil, art. 425 and following."""

    NONE = "none", _("aucune")
    ASKED = "asked", _("demande en cours")
    SAFEGUARD = "safeguard", _("sauvegarde de justice")
    CURATELLE = "curatelle", _("curatelle")
    CURATELLE_PLUS = "curatelle_plus", _("curatelle renforcée")
    TUTELLE = "tutelle", _("tutelle")
    HABILITATION = "habilitation", _("habilitation familiale")
    MANDATE = "mandate", _("mandat de protection future")
    MASP = "masp", _("mesure d’accompagnement social (MASP)")


class Income(models.TextChoices):
    """Bands, never an amount: enough to know which rights to look for."""

    MINIMUM = "minimum", _("minimum social")
    LOW = "low", _("modestes")
    MIDDLE = "middle", _("intermédiaires")
    HIGH = "high", _("supérieurs")
    UNSAID = "unsaid", _("ne souhaite pas le dire")


class Right(models.TextChoices):
    ALD = "ald", _("ALD (prise en charge à 100 %)")
    C2S = "c2s", _("Complémentaire santé solidaire")
    AME = "ame", _("Aide médicale de l’État")
    APA = "apa", _("APA")
    PCH = "pch", _("PCH")
    AAH = "aah", _("AAH")
    CMI = "cmi", _("Carte mobilité inclusion")
    ASPA = "aspa", _("ASPA")
    ASH = "ash", _("Aide sociale à l’hébergement")
    RSA = "rsa", _("RSA")
    RETIREMENT = "retirement", _("Aide de la caisse de retraite")
    HOUSING_AID = "housing_aid", _("Aide au logement")


class RightState(models.TextChoices):
    TO_ASK = "to_ask", _("à demander")
    ASKED = "asked", _("demande envoyée")
    OBTAINED = "obtained", _("obtenu")
    REFUSED = "refused", _("refusé")
    ENDED = "ended", _("arrêté")


class HandoverReason(models.TextChoices):
    LEAVE = "leave", _("absence (congé, arrêt, formation)")
    DEPARTURE = "departure", _("départ")


class HandoverEnd(models.TextChoices):
    """How a file left a handover."""

    BACK = "back", _("rendu")
    GIVEN = "given", _("confié à quelqu’un d’autre")
    CLOSED = "closed", _("clos entre-temps")
    STAYED = "stayed", _("resté chez le remplaçant")


class InformedHow(models.TextChoices):
    """How the person was told of her new referent."""

    CERCLE = "cercle", _("dans Cercle")
    LETTER = "letter", _("par courrier")
    SPOKEN = "spoken", _("de vive voix")
