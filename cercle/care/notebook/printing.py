"""The notebook of a period, as data for the PDF: what the reader may see, and no word about the rest."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cercle.base.common import blobs
from cercle.base.web import french
from cercle.care.documents.models import Document
from cercle.care.stays import words as stays
from cercle.people.circles.access import Acting

from .measures import KINDS, cell
from .models import Note, NoteVersion
from .vocabulary import NoteType, Urgency

MOST = 2000  # notes in one print; more is asked again by shorter periods


def period_from(data, today: date) -> tuple[date, date] | None:
    """`from` and `to`, both days included; None when absent or nonsense."""
    try:
        start, end = date.fromisoformat(data.get("from", "")), date.fromisoformat(data.get("to", ""))
    except ValueError:
        return None
    return (start, min(end, today)) if start <= min(end, today) else None


def notebook(acting: Acting, start: date, end: date) -> tuple[dict, list[UUID]]:
    """Data for `notebook.typ`, and the ids it shows."""
    zone = timezone.get_current_timezone()
    since, until = (datetime.combine(d, time.min, zone) for d in (start, end + timedelta(days=1)))
    visible = Note.objects.visible_to(acting)
    roots = list(
        visible.roots()
        .filter(written_at__gte=since, written_at__lt=until)
        .with_people()
        .order_by("written_at", "seq")[:MOST]
    )
    replies: dict[UUID, list[Note]] = {}
    for answer in visible.filter(reply_to__in=[n.pk for n in roots]).with_people().order_by("seq"):
        replies.setdefault(answer.reply_to_id, []).append(answer)
    files: dict[UUID, list[Document]] = {}
    for document in Document.objects.visible_to(acting).held_by(*(n.pk for n in roots)):
        files.setdefault(document.holder_id, []).append(document)
    versions: dict[UUID, list[NoteVersion]] = {}
    changed = [n.pk for n in roots if n.version > 1]
    for v in NoteVersion.objects.filter(note__in=changed).order_by("number"):
        if acting.sees(hidden=v.hidden, category=v.category):
            versions.setdefault(v.note_id, []).append(v)
    days: dict[date, list] = {}
    for n in roots:
        days.setdefault(timezone.localtime(n.written_at).date(), []).append(
            (n.written_at, _note(n, replies, files, versions))
        )
    events = stays.events(acting, since=since, until=until)
    for e in events:
        item = {"kind": "event", "time": french.hour(e.at) if e.has_time else "", "text": e.sentence, "source": e.by}
        days.setdefault(timezone.localtime(e.at).date(), []).append((e.at, item))
    identity = acting.patient.identity
    coordinates = acting.patient.coordinates
    data = {
        "title": _("Cahier de liaison"),
        "region": settings.SITE_NAME,
        "running": f"{identity.full_name}, {french.birth_date(identity.birth_date)}",
        "kind": _("Export du cahier"),
        "patient": {
            "name": identity.full_name,
            "birth_name": identity.birth_family if identity.birth_family != identity.family else "",
            "ins_status": identity.get_status_display(),
            "born": french.birth_date(identity.birth_date),
            "sex": identity.get_sex_display(),
            "ins": identity.ins_value if identity.is_qualified else "",
            "address": ", ".join(
                p for p in (coordinates.address, coordinates.postal_code, coordinates.commune_label) if p
            )
            if coordinates
            else "",
            "phone": french.phone(coordinates.phone) if coordinates and coordinates.phone else "",
        },
        "period": _("du %(start)s au %(end)s") % {"start": french.day(start), "end": french.day(end)},
        "asked_by": f"{acting.actor_name}, {acting.actor_role}",
        "asked_at": french.exact(timezone.now()),
        "count": ", ".join(
            [ngettext("%(n)s note", "%(n)s notes", len(roots)) % {"n": len(roots)}]
            + ([ngettext("%(n)s évènement", "%(n)s évènements", len(events)) % {"n": len(events)}] if events else [])
        ),
        "empty": _("Aucune note sur cette période."),
        "confidential": _("Document confidentiel, couvert par le secret professionnel (CSP L1110-4)."),
        "days": [
            {
                "label": french.day(d).capitalize() + ("" if str(d.year) in french.day(d) else f" {d.year}"),
                "items": [i for _at, i in sorted(items, key=lambda x: x[0])],
            }
            for d, items in sorted(days.items())
        ],
    }
    return data, [n.pk for n in roots] + [a.pk for answers in replies.values() for a in answers]


def _role(n: Note) -> str:
    return n.author_role.short_label if n.author_role else n.author_label


def _note(n: Note, replies: dict, files: dict, versions: dict) -> dict:
    past = versions.get(n.pk, [])
    held = files.get(n.pk, [])
    item = {
        "kind": "note",
        "time": french.hour(n.written_at),
        "author": n.author_name,
        "role": _role(n),
        "type": str(NoteType(n.type).label),
        "urgency": {Urgency.URGENT: "urgent", Urgency.WATCH: "watch"}.get(n.urgency, ""),
        "urgency_label": str(Urgency(n.urgency).label),
        "text": "" if n.is_withdrawn else n.text,
        "measures": [] if n.is_withdrawn else [_measure(row) for row in n.measures],
        "photos": [] if n.is_withdrawn else [p for p in (_photo(d, n) for d in held if d.is_picture) if p],
        "files": [
            f"{d.title or d.name} ({french.size(d.size)})" for d in held if not d.is_picture and not n.is_withdrawn
        ],
        "replies": [
            {
                "author": a.author_name,
                "role": _role(a),
                "time": french.moment(a.written_at),
                "text": _("réponse retirée") if a.is_withdrawn else a.text,
            }
            for a in replies.get(n.pk, [])
        ],
    }
    if n.is_withdrawn:
        last = past[-1] if past else None
        item["state"] = "withdrawn"
        item["state_text"] = _("Note retirée par son auteur") + (f" : {last.reason}" if last and last.reason else "")
    elif n.version > 1:
        item["state"] = "corrected"
        item["state_text"] = _("Corrigée %(when)s") % {"when": french.moment(n.changed_at)}
        item["earlier"] = [{"when": french.exact(v.at), "author": v.by_name, "text": v.text} for v in past[:-1]]
    return item


def _measure(row: dict) -> dict:
    shown = cell(row, [])
    return {"name": str(KINDS[row["kind"]].label), "value": shown.figure, "unit": shown.unit, "remark": shown.words}


def _photo(document: Document, n: Note) -> dict | None:
    sha = document.thumbnail or document.sha256
    try:
        with blobs.open(sha) as stream:
            image = stream.read()
    except FileNotFoundError:
        return None
    return {"image": image, "alt": _("Photo jointe par %(who)s") % {"who": n.author_name}, "caption": document.title}
