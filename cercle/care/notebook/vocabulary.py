"""The closed lists of the notebook."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoteType(models.TextChoices):
    """JDV_J23-TypeNoteCahierLiaison-CISIS (ANS, TRE_R234, OID 1.2.250.1.213.1.1.4.334), in the order of the compose box."""

    GEN = "GEN", _("Transmission")
    INTERV = "INTERV", _("Soins")
    OBS = "OBS", _("Observation")
    DEM_AVIS = "DEM-AVIS", _("Question")
    INST = "INST", _("Consigne")


ICONS = {
    NoteType.GEN: "notebook-pen",
    NoteType.INTERV: "bandage",
    NoteType.OBS: "eye",
    NoteType.DEM_AVIS: "circle-help",
    NoteType.INST: "clipboard-list",
}


class Urgency(models.IntegerChoices):
    NORMAL = 0, _("Normale")
    WATCH = 1, _("À surveiller")
    URGENT = 2, _("Urgent")


class State(models.TextChoices):
    CURRENT = "current", _("en cours")
    WITHDRAWN = "withdrawn", _("retirée")
