"""Who is told what, by which way: one table, tested cell by cell (tests/base/notifications/test_rules.py).

A cell is (kind of event, what the person is to it, urgency). Someone who is several things to an event gets the
strongest way. Then come the person's own choices, except where LOCKED; then the mute; then the quiet hours.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from .models import Choice, Urgency


class Way(IntEnum):
    """From the weakest to the strongest; each includes the product's own list, except NONE."""

    NONE = 0
    IN_APP = 1
    DIGEST = 2
    NOW = 3


class Relation(StrEnum):
    NAMED = "named"  # named recipient, invited person, person concerned
    PARENT_AUTHOR = "parent_author"  # wrote what is answered
    LEAD = "lead"  # coordinates the circle
    MEMBER = "member"  # professional of the circle
    PERSON = "person"  # the patient, a relative, a representative


# normal/urgent, for what the person is to the event, in the order of Relation.
TABLE = """
                        named          parent_author  lead           member         person
note                    now/now        digest/now     digest/now     app/now        app/digest
reply                   now/now        now/now        app/now        app/app        app/app
acknowledgement_asked   now/now        app/app        app/app        app/app        none/none
document                digest/now     app/app        app/digest     app/app        app/app
plan                    now/now        digest/now     digest/now     digest/now     app/app
plan_action             now/now        digest/now     app/app        none/none      none/none
plan_review             now/now        app/app        digest/now     none/none      none/none
meeting                 now/now        app/app        app/app        none/none      none/none
stay                    now/now        app/app        now/now        digest/digest  app/app
invitation              now/now        app/app        app/app        none/none      app/app
member_joined           digest/digest  none/none      digest/digest  app/app        digest/digest
member_left             digest/digest  none/none      digest/digest  app/app        app/app
join_asked              now/now        none/none      now/now        none/none      none/none
opposition              now/now        none/none      now/now        none/none      digest/digest
break_glass             now/now        none/none      now/now        none/none      now/now
desk_deadline           now/now        none/none      none/none      none/none      none/none
desk_answer             now/now        none/none      none/none      none/none      none/none
appointment             now/now        none/none      none/none      none/none      none/none
referent_changed        now/now        none/none      app/app        none/none      digest/digest
identity_to_review      digest/now     none/none      app/app        none/none      none/none
directory_correction    digest/digest  app/app        none/none      none/none      none/none
security                now/now        none/none      none/none      none/none      now/now
"""


def read_table(text: str) -> dict[str, dict[Relation, tuple[Way, Way]]]:
    """{kind: {relation: (normal, urgent)}}."""
    ways = {"none": Way.NONE, "app": Way.IN_APP, "digest": Way.DIGEST, "now": Way.NOW}
    head, *lines = (line.split() for line in text.strip().splitlines())
    columns = [Relation(name) for name in head]
    rules = {}
    for kind, *cells in lines:
        pairs = [cell.split("/") for cell in cells]
        rules[kind] = {c: (ways[normal], ways[urgent]) for c, (normal, urgent) in zip(columns, pairs, strict=True)}
    return rules


RULES = read_table(TABLE)

# What each kind is called: in the settings, and in the message, which says no more than this (no personal data).
LABELS = {
    "note": (_("Nouvelle note"), _("Vous avez une nouvelle note dans Cercle.")),
    "reply": (_("Réponse"), _("Vous avez une réponse dans Cercle.")),
    "acknowledgement_asked": (_("Accusé de lecture demandé"), _("Une lecture vous est demandée dans Cercle.")),
    "document": (_("Nouveau document"), _("Vous avez un nouveau document dans Cercle.")),
    "plan": (_("Plan de coordination"), _("Un plan avance dans Cercle.")),
    "plan_action": (_("Action d’un plan"), _("Une action d’un plan vous concerne dans Cercle.")),
    "plan_review": (_("Révision d’un plan"), _("Un plan est à revoir dans Cercle.")),
    "meeting": (_("Réunion de concertation"), _("Une réunion vous concerne dans Cercle.")),
    "stay": (_("Entrée ou sortie d’établissement"), _("Une entrée ou une sortie est signalée dans Cercle.")),
    "invitation": (_("Invitation"), _("Vous avez une invitation dans Cercle.")),
    "member_joined": (_("Arrivée dans un cercle"), _("Quelqu’un a rejoint un de vos cercles.")),
    "member_left": (_("Départ d’un cercle"), _("Quelqu’un a quitté un de vos cercles.")),
    "join_asked": (_("Demande à rejoindre"), _("Une demande à rejoindre vous attend dans Cercle.")),
    "opposition": (_("Opposition"), _("Une opposition a été enregistrée dans Cercle.")),
    "break_glass": (_("Accès en urgence"), _("Un accès en urgence a eu lieu dans Cercle.")),
    "appointment": (_("Rendez-vous"), _("Un rendez-vous vous concerne dans Cercle.")),
    "desk_deadline": (_("Échéance du guichet"), _("Une demande attend une réponse dans Cercle.")),
    "desk_answer": (_("Réponse du guichet"), _("Le dispositif d’appui vous a répondu dans Cercle.")),
    "referent_changed": (_("Changement de référent"), _("Un référent a changé : voyez qui dans Cercle.")),
    "identity_to_review": (_("Identité à vérifier"), _("Une identité est à vérifier dans Cercle.")),
    "directory_correction": (_("Correction de l’annuaire"), _("Une correction de l’annuaire vous attend dans Cercle.")),
    "security": (_("Sécurité du compte"), _("Un événement de sécurité concerne votre compte Cercle.")),
}
URGENT_NOTE = _("Vous avez une nouvelle note urgente dans Cercle.")

# A person cannot turn these off, nor mute them: somebody else's safety, or their own rights, hang on them.
LOCKED_KINDS = {"break_glass", "security"}


def is_locked(kind: str, relations: Iterable[Relation], urgency: str) -> bool:
    """True where neither a choice nor a mute weakens the rule."""
    return kind in LOCKED_KINDS or (urgency == Urgency.URGENT and Relation.NAMED in relations)


def rule(kind: str, relation: Relation, urgency: str) -> Way:
    """One cell of the table. KeyError: no such kind."""
    return RULES[kind][relation][urgency == Urgency.URGENT]


_CHOSEN = {Choice.NOW: Way.NOW, Choice.DIGEST: Way.DIGEST, Choice.NONE: Way.IN_APP}


def decide(
    kind: str, relations: Iterable[Relation], urgency: str, *, choice: str | None = None, muted: bool = False
) -> Way:
    """The way one person is told.

    A choice moves messages between now, digest and never, but cannot bring in what the table says is NONE.
    A mute silences what is not urgent, and keeps what is urgent inside the product.
    """
    relations = set(relations)
    way = max((rule(kind, r, urgency) for r in relations), default=Way.NONE)
    if way == Way.NONE or is_locked(kind, relations, urgency):
        return way
    if choice:
        way = _CHOSEN[Choice(choice)]
    if muted:
        named = Relation.NAMED in relations
        way = Way.IN_APP if urgency == Urgency.URGENT or named else Way.NONE
    return way


# --- Clocks ----------------------------------------------------------------------------------------------------------
def at_local(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time. The hour that summer time skips counts from before the jump (02:30 is 03:30
    summer time); the hour that comes twice is its first passage."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


def quiet_until(now: datetime, start: time | None, end: time | None, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours that `now` falls in end; None outside them. `start` > `end` passes midnight."""
    if start is None or end is None or start == end:
        return None
    local = now.astimezone(zone)
    clock, day = local.time(), local.date()
    if start < end:
        inside = start <= clock < end
    else:
        inside = clock >= start or clock < end
        if clock >= start:
            day += timedelta(days=1)
    if not inside:
        return None
    until = at_local(day, end, zone)
    return until if until > now else None


def next_digest(now: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The next passage of the digest hour, strictly after `now`."""
    day = now.astimezone(zone).date()
    while (at := at_local(day, time(hour), zone)) <= now:
        day += timedelta(days=1)
    return at
