"""The closed lists of the desk, and its status machine as a table."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    RECEIVED = "received", _("Reçue")
    PRE_ASSESSMENT = "pre_assessment", _("Pré-évaluation")
    ORIENTATION = "orientation", _("Orientation")
    WAITING = "waiting", _("Liste d’attente")
    TO_ANSWER = "to_answer", _("Réponse à rendre")
    CLOSED = "closed", _("Close")


class Outcome(models.TextChoices):
    FILE = "file", _("dossier de coordination ouvert")
    ADVICE = "advice", _("information ou conseil")
    ORIENTED = "oriented", _("orientation vers une ressource")
    REFUSED = "refused", _("hors de nos missions")
    CANCELLED = "cancelled", _("demande retirée")


class Verb(models.TextChoices):
    """What happens to a request; each one is a `Step`."""

    RECEIVED = "received", _("demande reçue")
    TAKEN = "taken", _("pré-évaluation commencée")
    ORIENTING = "orienting", _("orientation commencée")
    ASSIGNED = "assigned", _("confiée")
    LEVEL = "level", _("niveau choisi")
    NAMED = "named", _("personne nommée et informée")
    DOCTOR = "doctor", _("information du médecin traitant")
    CONTACTED = "contacted", _("premier contact")
    SOLICITED = "solicited", _("ressource sollicitée")
    CHASED = "chased", _("ressource relancée")
    REPLIED = "replied", _("réponse d’une ressource")
    WAITING = "waiting", _("mise en liste d’attente")
    DECIDED = "decided", _("suite décidée")
    ANSWERED = "answered", _("réponse donnée au demandeur")
    UNREACHABLE = "unreachable", _("réponse impossible au demandeur")
    CLOSED = "closed", _("demande close")
    REOPENED = "reopened", _("demande rouverte")
    REMINDED = "reminded", _("rappel d’échéance")
    ESCALATED = "escalated", _("échéance signalée aux responsables")
    NOTE = "note", _("note du guichet")


S = State
OPEN = frozenset(S.values) - {S.CLOSED}
UNDECIDED = OPEN - {S.TO_ANSWER}
# verb: (from which states, to which state). None: the state stays. Who: any holder of the desk's right; the machine for
# reminders. A decision (file, advice, oriented, refused, cancelled) leads to TO_ANSWER, whose only ways out are the answer to
# the asker, the reason why none can be given, or going back on the decision.
MOVES: dict[str, tuple[frozenset, str | None]] = {
    Verb.TAKEN: (frozenset({S.RECEIVED, S.WAITING}), S.PRE_ASSESSMENT),
    Verb.ORIENTING: (frozenset({S.RECEIVED, S.PRE_ASSESSMENT, S.WAITING}), S.ORIENTATION),
    Verb.WAITING: (frozenset({S.RECEIVED, S.PRE_ASSESSMENT, S.ORIENTATION}), S.WAITING),
    Verb.DECIDED: (UNDECIDED, S.TO_ANSWER),
    Verb.UNREACHABLE: (frozenset({S.TO_ANSWER}), None),
    Verb.CLOSED: (frozenset({S.TO_ANSWER}), S.CLOSED),
    Verb.REOPENED: (frozenset({S.TO_ANSWER, S.CLOSED}), S.PRE_ASSESSMENT),
    Verb.NOTE: (frozenset(S.values), None),
    **dict.fromkeys(
        (Verb.ASSIGNED, Verb.LEVEL, Verb.NAMED, Verb.DOCTOR, Verb.CONTACTED, Verb.SOLICITED, Verb.CHASED, Verb.REPLIED,
         Verb.ANSWERED, Verb.REMINDED, Verb.ESCALATED),
        (OPEN, None),
    ),
}  # fmt: skip


class Channel(models.TextChoices):
    PHONE = "phone", _("téléphone")
    WEB_PRO = "web_pro", _("formulaire des professionnels")
    WEB_PUBLIC = "web_public", _("formulaire du public")
    MAIL = "mail", _("courriel ou courrier")
    CIRCLE = "circle", _("cercle de soins")
    FHIR = "fhir", _("logiciel raccordé")
    VISIT = "visit", _("visite")


class Kind(models.TextChoices):
    INFORMATION = "information", _("Information")
    SUPPORT = "support", _("Appui")
    RESOURCE = "resource", _("Recherche de ressource")


class AskerKind(models.TextChoices):
    PROFESSIONAL = "professional", _("professionnel")
    RELATIVE = "relative", _("proche, aidant")
    PERSON = "person", _("la personne elle-même")
    STRUCTURE = "structure", _("structure, service")
    OTHER = "other", _("autre")


class Reason(models.TextChoices):
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
    INFORMATION = "information", _("information")
    OTHER = "other", _("autre")


class Urgency(models.IntegerChoices):
    NORMAL = 0, _("normale")
    SOON = 1, _("rapide")
    URGENT = 2, _("urgente")


class Level(models.IntegerChoices):
    ONE = 1, _("Information")
    TWO = 2, _("Appui")
    THREE = 3, _("Suivi intensif")


class Doctor(models.TextChoices):
    """Rule 7: is the médecin traitant informed?"""

    YES = "yes", _("oui")
    NO = "no", _("non")
    NONE = "none", _("pas de médecin traitant")
    REFUSED = "refused", _("la personne refuse")


class Reply(models.TextChoices):
    """An orientation sent to a resource: the outer form that an SDO shows (its codes live in the exchange, not at the desk)."""

    SENT = "sent", _("Envoyée")
    RECEIVED = "received", _("Reçue")
    WAITING = "waiting", _("En attente")
    ACCEPTED = "accepted", _("Acceptée")
    REFUSED = "refused", _("Refusée")
    CANCELLED = "cancelled", _("Annulée")

    @classmethod
    def unanswered(cls) -> tuple[str, ...]:
        return cls.SENT, cls.RECEIVED, cls.WAITING


class How(models.TextChoices):
    PHONE = "phone", _("au téléphone")
    MAIL = "mail", _("par courrier")
    SECURE = "secure", _("par messagerie sécurisée")
    WEB = "web", _("sur la page de suivi")
    PRESENCE = "presence", _("en personne")
