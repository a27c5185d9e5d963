"""The closed lists of the agenda."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    VISIT = "visit", _("Visite")
    CALL = "call", _("Appel")
    MEETING = "meeting", _("Réunion")
    PRIVATE = "private", _("Personnel")
    OTHER = "other", _("Autre")


ICONS = {
    Kind.VISIT: "house",
    Kind.CALL: "phone",
    Kind.MEETING: "users",
    Kind.PRIVATE: "lock",
    Kind.OTHER: "notebook-pen",
}
# What a colleague who is not concerned may read of an appointment that names no patient: these words speak of the structure.
SHARED_KINDS = {Kind.MEETING, Kind.OTHER}


class State(models.TextChoices):
    PLACED = "placed", _("posé")
    PROPOSED = "proposed", _("proposé")
    DONE = "done", _("fait")
    CANCELLED = "cancelled", _("annulé")


class Scope(models.TextChoices):
    """What a change of a recurring appointment is about."""

    ONE = "one", _("Cette fois seulement")
    FOLLOWING = "following", _("Cette fois et les suivantes")
    ALL = "all", _("Toutes les fois")


class CalendarKind(models.TextChoices):
    PERSON = "person", _("personne")
    TEAM = "team", _("équipe")
    ROOM = "room", _("salle")


class AbsenceKind(models.TextChoices):
    LEAVE = "leave", _("Congé")
    SICK = "sick", _("Arrêt")
    TRAINING = "training", _("Formation")
    OTHER = "other", _("Autre absence")


class What(models.TextChoices):
    """What happened to an appointment, one row each."""

    PLACED = "placed", _("posé")
    MOVED = "moved", _("déplacé")
    CHANGED = "changed", _("modifié")
    CANCELLED = "cancelled", _("annulé")
    DONE = "done", _("fait")


REMINDERS = [(15, _("15 minutes avant")), (60, _("1 heure avant")), (24 * 60, _("La veille, à la même heure"))]
