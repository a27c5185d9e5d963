"""A meeting as data for its PDF: the convocation before it, the minutes after it."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.people.circles.access import Acting

from .models import Meeting
from .plan_documents import due_words, logo
from .vocabulary_plan import Answer

TEMPLATE = Path(__file__).parent / "pdf" / "plan.typ"


def when_words(meeting: Meeting) -> str:
    at = meeting.starts_at.astimezone(ZoneInfo(meeting.zone))
    return _("%(day)s à %(hour)s, durée %(minutes)s min") % {
        "day": french.day(at), "hour": french.hour(at), "minutes": meeting.minutes,
    }  # fmt: skip


def pdf_data(acting: Acting, meeting: Meeting, kind: str) -> dict[str, Any]:
    """`kind`: call, minutes. Same template as the plan."""
    identity = acting.patient.identity
    held = kind == "minutes"
    people = list(meeting.attendances.order_by("id"))
    decisions = list(meeting.decisions.order_by("position", "id"))
    structure = meeting.organization.display_name if meeting.organization_id else meeting.author_name
    sections: list[dict] = [
        {"type": "facts", "heading": _("Réunion"), "rows": [
            [_("Quand"), when_words(meeting)], [_("Où"), meeting.place], [_("Organisée par"), meeting.author_name],
        ]},
        {"type": "prose", "heading": _("Ordre du jour"), "text": meeting.agenda, "empty": _("À préciser.")},
        {"type": "list", "heading": _("Présents et excusés") if held else _("Invités"), "empty": _("Personne."), "items": [
            {"strong": a.owner_name, "text": ", ".join(t for t in (a.owner_label.lower(), _presence(a) if held else "") if t)}
            for a in people
        ]},
    ]  # fmt: skip
    if held:
        sections += [
            {"type": "prose", "heading": _("Compte rendu"), "text": meeting.report, "empty": _("À rédiger.")},
            {"type": "list", "heading": _("Décisions"), "empty": _("Aucune décision."), "items": [
                {"strong": d.text, "text": _("%(who)s, %(due)s") % {"who": d.owner_name, "due": _due(d)}} for d in decisions
            ]},
        ]  # fmt: skip
    return {
        "title": _("Compte rendu de réunion") if held else _("Convocation à une réunion"),
        "region": structure,
        "logo": logo(meeting.organization_id),
        "logo_alt": _("Logo de %(name)s") % {"name": structure},
        "version": meeting.title,
        "running": identity.full_name if held else meeting.title,  # the call leaves the circle: it does not name her
        "who": _("À propos de %(who)s") % {"who": f"{identity.full_name}, {french.birth_date(identity.birth_date)}"}
        if held
        else meeting.title,
        "people": "",
        "foot": _("Document confidentiel, couvert par le secret professionnel (CSP L1110-4)."),
        "sections": sections,
    }


def _presence(a) -> str:
    if a.present:
        return _("présent")
    return _("excusé") if a.answer == Answer.NOT_COMING else _("absent")


def _due(d) -> str:
    return due_words(d.due_on.isoformat()) if d.due_on else _("sans date")
