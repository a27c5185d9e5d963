"""« Qui a consulté »: the journal of one circle, in plain words, for its professionals, the person and her representative.

What is masked to the reader is masked here as well: neither the trace of a masked note, nor its place in a count.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, Model, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from cercle.base.audit.export import csv_lines
from cercle.base.audit.models import AuditEvent, EventQuerySet, Kind, Opening, group_openings
from cercle.base.audit.record import record
from cercle.base.web import french
from cercle.base.web.limits import limited
from cercle.care.notebook.models import Note
from cercle.people.circles.access import Acting, enter, visible_rows
from cercle.people.circles.faces import Face, faces
from cercle.people.circles.vocabulary import Ground, Permission
from cercle.people.directory.models import PracticeRole

from .sentences import SENTENCES, sentence

PAGE = 60
# Openings of one person that follow one another this closely are one visit.
TOGETHER = timedelta(minutes=30)
PERIODS = {
    "7": gettext_lazy("7 derniers jours"),
    "30": gettext_lazy("30 derniers jours"),
    "365": gettext_lazy("12 derniers mois"),
}
URGENT = ("circles.break_glass_opened", "circles.break_glass_refused", "circles.break_glass_reviewed")
KINDS = {
    "reads": (gettext_lazy("Consultations"), "eye", Q(kind__in=(Kind.READ, Kind.SEARCH), outcome="ok")),
    "writes": (gettext_lazy("Écritures"), "pencil", Q(kind__in=(Kind.CREATE, Kind.UPDATE, Kind.DELETE), outcome="ok")),
    "exports": (gettext_lazy("Impressions et exports"), "printer", Q(kind=Kind.EXPORT)),
    "alerts": (
        gettext_lazy("Urgences et refus"),
        "shield-alert",
        ~Q(outcome="ok") | Q(action__in=URGENT) | Q(ground=Ground.BREAK_GLASS),
    ),
}


@cache
def clinical_models() -> tuple[type[Model], ...]:
    """The tables whose rows are masked one by one: notes, documents, and those to come of the same shape."""
    shape = {"circle", "hidden", "category", "author_user"}
    return tuple(m for m in apps.get_models() if shape <= {f.name for f in m._meta.get_fields()})


def seen(acting: Acting, model: type[Model]):
    """Rows of one of them that this person may know of, withdrawn ones included: their traces stay."""
    if model is Note:
        return Note.objects.visible_to(acting)
    return model._default_manager.filter(visible_rows(acting))


def visible(acting: Acting) -> EventQuerySet:
    """The traces of this circle that this person may be told of. One's own settings are nobody else's business."""
    rows = AuditEvent.objects.about(*acting.circles).exclude(action__startswith="notifications.")
    target, labels = OuterRef("target_id"), [m._meta.label_lower for m in clinical_models()]
    # As the trace was masked when it was written; whoever wrote the thing, or acted, is told all the same.
    clear = Q(hidden__clear_of=acting.mask)
    # As the thing is masked today, categories and oppositions included.
    open_now = ~Q(target_type__in=labels)
    if acting.user_id:
        clear |= Q(actor_user_id=acting.user_id)
    for model, label in zip(clinical_models(), labels, strict=True):
        it = Q(target_type=label)
        if acting.user_id:
            clear |= it & Exists(model._default_manager.filter(pk=target, author_user_id=acting.user_id))
        open_now |= it & Exists(seen(acting, model).filter(pk=target))
    return rows.filter(clear, open_now)


@dataclass(frozen=True)
class Filters:
    who: UUID | None = None
    kind: str = ""
    period: str = ""
    before: UUID | None = None

    @property
    def are_set(self) -> bool:
        return bool(self.who or self.kind or self.period)

    def query(self, **changes) -> str:
        """The query string with these changes; « ?… » or nothing."""
        values = {"who": self.who or "", "kind": self.kind, "period": self.period} | changes
        kept = {k: str(v) for k, v in values.items() if v}
        return "?" + urlencode(kept) if kept else ""


def filters_from(data) -> Filters:
    return Filters(
        who=_uuid(data.get("who")),
        kind=data.get("kind") if data.get("kind") in KINDS else "",
        period=data.get("period") if data.get("period") in PERIODS else "",
        before=_uuid(data.get("before")),
    )


def _uuid(text) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def narrowed(rows: EventQuerySet, filters: Filters) -> EventQuerySet:
    if filters.who:
        rows = rows.by(filters.who)
    if filters.kind:
        rows = rows.filter(KINDS[filters.kind][2])
    if filters.period:
        rows = rows.filter(at__gte=timezone.now() - timedelta(days=int(filters.period)))
    return rows


@dataclass(slots=True)
class Act:
    """One thing done in a visit; the same thing done again is counted, not repeated."""

    words: str
    at: datetime
    times: int = 1
    refused: bool = False
    urgent: bool = False
    reason: str = ""


@dataclass(slots=True)
class Visit:
    """What one person did in one go, on one day."""

    name: str
    role: str
    ground: str
    source: str
    start: datetime
    end: datetime
    user_id: UUID | None
    practice_role_id: UUID | None
    openings: list[Opening] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    initials: str = ""
    tint: str = ""
    mine: bool = False

    @property
    def day(self):
        return timezone.localtime(self.start).date()

    @property
    def hours(self) -> str:
        first, last = french.hour(self.start), french.hour(self.end)
        return first if first == last else _("de %(first)s à %(last)s") % {"first": first, "last": last}

    @property
    def refused(self) -> bool:
        return all(a.refused for a in self.acts)

    @property
    def urgent(self) -> bool:
        return self.ground == Ground.BREAK_GLASS or any(a.urgent for a in self.acts)

    @property
    def ground_words(self) -> str:
        return str(Ground(self.ground).label) if self.ground in Ground.values else ""


@dataclass(slots=True)
class Day:
    date: object
    visits: list[Visit]


def page(acting: Acting, filters: Filters) -> tuple[list[Day], UUID | None]:
    """Days, newest first, and the id to ask the next page with."""
    events = list(narrowed(visible(acting), filters).latest_first(filters.before)[:PAGE])
    visits = _visits(group_openings(events))
    may_tell = tellable(acting, {i for e in events if _counted(e) for i in e.shown})
    roles = PracticeRole.objects.select_related("practitioner").in_bulk(
        {v.practice_role_id for v in visits if v.practice_role_id}
    )
    days: list[Day] = []
    for visit in visits:
        visit.acts = _acts(visit, may_tell)
        visit.mine = visit.user_id is not None and visit.user_id == acting.user_id
        visit.initials = "".join(word[0] for word in visit.name.split()[:2]).upper()
        if role := roles.get(visit.practice_role_id):
            visit.initials, visit.tint = role.practitioner.initials, role.tint
        elif visit.ground in (Ground.RELATIVE, Ground.PERSON):
            visit.tint = "proche"
        if not days or days[-1].date != visit.day:
            days.append(Day(visit.day, []))
        days[-1].visits.append(visit)
    return days, events[-1].id if len(events) == PAGE else None


def tellable(acting: Acting, ids: set[UUID]) -> set[UUID]:
    """Those of these notes and documents that the reader of the log may know of."""
    if not ids:
        return set()
    first, *others = (seen(acting, m).filter(pk__in=ids).order_by().values_list("pk") for m in clinical_models())
    return {pk for (pk,) in first.union(*others, all=True)}


def _counted(event: AuditEvent) -> bool:
    said = SENTENCES.get(event.action)
    return bool(said and said.counted)


def _visits(openings: list[Opening]) -> list[Visit]:
    visits: list[Visit] = []
    for opening in openings:
        first = opening.events[0]
        start, end = opening.events[-1].at, first.at
        last = visits[-1] if visits else None
        same = last and (
            (last.user_id, last.practice_role_id, last.name, last.ground == Ground.BREAK_GLASS)
            == (first.actor_user_id, first.practice_role_id, first.actor_name, first.ground == Ground.BREAK_GLASS)
            and last.start - end < TOGETHER
            and timezone.localtime(start).date() == last.day
        )
        if not same:
            last = Visit(
                first.actor_name or _("Cercle"), first.actor_role, first.ground, first.source, start, end,
                first.actor_user_id, first.practice_role_id,
            )  # fmt: skip
            visits.append(last)
        last.openings.append(opening)
        last.start = min(last.start, start)
    return visits


def _acts(visit: Visit, may_tell: set[UUID]) -> list[Act]:
    """In the order of time; « a lu le cahier » twice is once with all the notes it showed."""
    events = sorted((e for o in visit.openings for e in o.events), key=lambda e: e.id)
    kept: dict[tuple, tuple[Act, set[UUID]]] = {}
    for e in events:
        refused = e.outcome != "ok"
        key = (e.action, refused, e.reason if e.action == "circles.break_glass_opened" else "")
        shown = {i for i in e.shown if i in may_tell} if _counted(e) else set()
        if key in kept:
            act, seen = kept[key]
            act.times += 1
            seen |= shown
            act.words = sentence(e.action, len(seen))
        else:
            act = Act(sentence(e.action, len(shown)), e.at, refused=refused, urgent=e.action in URGENT, reason=key[2])
            kept[key] = (act, shown)
    return [act for act, _seen in kept.values()]


def people(acting: Acting, members: list[Face]) -> list[tuple[UUID, str]]:
    """Who can be chosen in the filter: the circle's members, then those of the latest traces."""
    found = {u: f.name for f in members for u in f.users if len(f.users) == 1}
    latest = visible(acting).filter(actor_user_id__isnull=False).latest_first()[:1000]
    for user_id, name in latest.values_list("actor_user_id", "actor_name"):
        found.setdefault(user_id, name)
    return sorted(found.items(), key=lambda item: item[1].lower())


# --- Screens -----------------------------------------------------------------------------------------------------------


def panel(request: HttpRequest, acting: Acting, **extra) -> dict:
    filters = filters_from(request.GET)
    members = faces(acting)
    return _context(acting, filters) | {"faces": members, "people": people(acting, members)} | extra


def _context(acting: Acting, filters: Filters) -> dict:
    days, more = page(acting, filters)
    record(
        acting,
        "record.access_log_read",
        kind=Kind.READ,
        details={"filtered": True} if filters.are_set else None,
    )
    is_person = acting.ground in (Ground.PERSON, Ground.RELATIVE)
    last = days[-1].date.isoformat() if days else ""
    return {
        "acting": acting,
        "circle_id": acting.circle_id,
        "days": days,
        "filters": filters,
        "kinds": [(code, label, icon, filters.query(kind=code)) for code, (label, icon, _q) in KINDS.items()],
        "all_url": filters.query(kind=""),
        "periods": list(PERIODS.items()),
        "export_url": filters.query(),
        "more_query": filters.query(before=more, day=last) if more else "",
        "is_person": is_person,
    }


@require_safe
def more(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The list alone: a filter that changed, « Voir la suite » (appended: its first day may already have its heading)."""
    acting = enter(request, circle_id, Permission.READ_ACCESS_LOG)
    context = _context(acting, filters_from(request.GET)) | {"said_day": request.GET.get("day", "")}
    return render(request, "record/log.html#entries", context)


@limited("export", per_minute=10)
@require_safe
def export(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The same list as a table, whole, with the filters in force."""
    acting = enter(request, circle_id, Permission.READ_ACCESS_LOG)
    filters = filters_from(request.GET)
    record(acting, "record.access_log_exported", kind=Kind.EXPORT, details={"filtered": filters.are_set})
    may_tell = {pk for m in clinical_models() for pk in seen(acting, m).values_list("pk", flat=True)}
    lines = csv_lines(
        narrowed(visible(acting), filters),
        words=lambda e: sentence(e.action),
        ground=lambda e: str(Ground(e.ground).label) if e.ground in Ground.values else e.ground,
        shown=lambda e: sum(1 for i in e.shown if i in may_tell) if _counted(e) else "",
        reason=lambda e: e.reason if e.action in URGENT[:1] else "",
    )
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="qui-a-consulte.csv"'
    response["Cache-Control"] = "no-store"
    return response
