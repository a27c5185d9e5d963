"""The closed lists of the plan and of the meetings."""

import json
from functools import lru_cache
from pathlib import Path

from django.db import models
from django.utils.translation import gettext_lazy as _

PROBLEMS = Path(__file__).parent / "data" / "problemes_paerpa.json"


@lru_cache(1)
def problems() -> dict[str, dict]:
    """{code: {libelle, mot, categorie}}: the PAERPA list, in its published order (data/README.md)."""
    return {c["code"]: c for c in json.loads(PROBLEMS.read_text(encoding="utf-8"))["concepts"]}


class PlanState(models.TextChoices):
    """`revised` is a draft again, after a first version was agreed: the words may change, the past version is kept."""

    DRAFT = "draft", _("Brouillon")
    AGREED = "agreed", _("Accord donné")
    SIGNED = "signed", _("Signé")
    REVISED = "revised", _("En révision")


class GoalState(models.TextChoices):
    ACTIVE = "active", _("En cours")
    REACHED = "reached", _("Atteint")
    UNMET = "unmet", _("Non atteint")
    DROPPED = "dropped", _("Abandonné")


GOING = (GoalState.ACTIVE, GoalState.REACHED)  # what the plan carries; the rest is told apart


class ActionState(models.TextChoices):
    PROPOSED = "proposed", _("Proposé")
    ACCEPTED = "accepted", _("Accepté")
    IN_PROGRESS = "in_progress", _("En cours")
    DONE = "done", _("Fait")
    CANCELLED = "cancelled", _("Annulé")
    REFUSED = "refused", _("Refusé")


OPEN_ACTIONS = (ActionState.PROPOSED, ActionState.ACCEPTED, ActionState.IN_PROGRESS)

# What may follow what: the whole machine of each. No state is without a way out.
PLAN_MOVES = {
    PlanState.DRAFT: {PlanState.AGREED},
    PlanState.REVISED: {PlanState.AGREED},
    PlanState.AGREED: {PlanState.SIGNED, PlanState.REVISED},
    PlanState.SIGNED: {PlanState.REVISED},
}
GOAL_MOVES = {s: set(GoalState) - {s} for s in GoalState}
ACTION_MOVES = {
    ActionState.PROPOSED: {
        ActionState.ACCEPTED, ActionState.IN_PROGRESS, ActionState.DONE, ActionState.REFUSED, ActionState.CANCELLED,
    },
    ActionState.ACCEPTED: {ActionState.IN_PROGRESS, ActionState.DONE, ActionState.REFUSED, ActionState.CANCELLED},
    ActionState.IN_PROGRESS: {ActionState.DONE, ActionState.REFUSED, ActionState.CANCELLED},
    ActionState.DONE: {ActionState.IN_PROGRESS},
    ActionState.REFUSED: {ActionState.PROPOSED, ActionState.ACCEPTED, ActionState.CANCELLED},
    ActionState.CANCELLED: {ActionState.PROPOSED},
}  # fmt: skip
# What whoever is in charge may say; the rest is the editors'.
ANSWERS = {ActionState.ACCEPTED, ActionState.IN_PROGRESS, ActionState.DONE, ActionState.REFUSED}


class Priority(models.IntegerChoices):
    HIGH = 1, _("Haute")
    MEDIUM = 2, _("Moyenne")
    LOW = 3, _("Basse")


class OwnerKind(models.TextChoices):
    PROFESSIONAL = "professional", _("professionnel")
    TEAM = "team", _("équipe")
    RELATIVE = "relative", _("proche")
    PERSON = "person", _("la personne")
    OUTSIDER = "outsider", _("hors du cercle")


class Decided(models.TextChoices):
    """What the person said of the plan that was shown to her."""

    YES = "yes", _("d’accord")
    PARTLY = "partly", _("d’accord en partie")
    NO = "no", _("pas d’accord")


EVENT_WORDS = {
    "opened": _("a commencé ce plan"),
    "proposed": _("l’a proposé au cercle"),
    "not_agreed": _("a noté un désaccord"),
    "agreed": _("a noté l’accord"),
    "signed": _("l’a signé"),
    "revised": _("a ouvert une révision"),
    "sent": _("l’a mis dans les documents du cercle"),
    "closed": _("l’a clos"),
}


class GivenBy(models.TextChoices):
    PERSON = "person", _("la personne")
    LEGAL_REP = "legal_rep", _("son représentant légal")
    TRUSTED = "trusted", _("sa personne de confiance")


class MeetingState(models.TextChoices):
    PLANNED = "planned", _("Prévue")
    HELD = "held", _("Tenue")
    CANCELLED = "cancelled", _("Annulée")


MEETING_MOVES = {
    MeetingState.PLANNED: {MeetingState.HELD, MeetingState.CANCELLED},
    MeetingState.HELD: {MeetingState.PLANNED},
    MeetingState.CANCELLED: {MeetingState.PLANNED},
}


class Answer(models.TextChoices):
    INVITED = "invited", _("Sans réponse")
    COMING = "coming", _("Sera là")
    NOT_COMING = "not_coming", _("Ne sera pas là")


class PlanKind(models.TextChoices):
    """The three documents made from the same rows."""

    PPCS = "ppcs", _("PPCS")
    PPS = "pps", _("PPS")
    PSI = "psi", _("PSI")


TITLES = {
    PlanKind.PPCS: _("Plan personnalisé de coordination en santé"),
    PlanKind.PPS: _("Plan personnalisé de santé"),
    PlanKind.PSI: _("Plan de services individualisé"),
}
