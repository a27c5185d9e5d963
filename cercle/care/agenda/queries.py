"""What is in the agendas, as one person may read it. A week is a constant number of statements, whatever is in it."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common import fast
from cercle.base.common.prepared import prepared
from cercle.base.web import french
from cercle.people.circles.access import Acting, Viewer
from cercle.people.directory.models import Commune, PracticeRole, Team, TeamMember

from . import recurrence, sight
from .models import Absence, Appointment, Calendar, Entry, ToPlace
from .sight import Sight
from .vocabulary import ICONS, SHARED_KINDS, CalendarKind, Kind, State

DAY = timedelta(days=1)

# What starts in the window (or the day before it), then the series still running: two partial indexes, two parts.
ENTRIES = f"""
SELECT e.calendar_id, {fast.columns(Appointment, "a")} FROM agenda_entry e JOIN agenda_appointment a ON a.id = e.appointment_id
  WHERE e.calendar_id = ANY(%(calendars)s) AND NOT e.spans AND e.starts_at >= %(early)s AND e.starts_at < %(end)s AND a.state <> 'cancelled'
UNION ALL
SELECT e.calendar_id, {fast.columns(Appointment, "a")} FROM agenda_entry e JOIN agenda_appointment a ON a.id = e.appointment_id
  WHERE e.calendar_id = ANY(%(calendars)s) AND e.spans AND e.last_at > %(begin)s AND e.starts_at < %(end)s AND a.state <> 'cancelled'
"""


@dataclass(slots=True)
class Shown:
    """One occurrence as this reader may know it. `appointment` is for the code; screens show the words."""

    appointment: Appointment
    at: datetime
    ends: datetime
    title: str
    detail: str = ""
    who: str = ""  # the person, when the reader is in her circle
    busy: bool = False  # a block of time, nothing more
    may_move: bool = False
    calendar_ids: set[UUID] = field(default_factory=set)
    owner: str = ""
    sight: Sight | None = None
    lane: int = 0
    lanes: int = 1
    conflict: bool = False
    travel: "Travel | None" = None
    is_next: bool = False
    local: datetime = field(init=False)  # `at` on the region's clock

    def __post_init__(self) -> None:
        self.local = french.local(self.at)

    @property
    def pk(self) -> UUID:
        return self.appointment.pk

    @property
    def kind(self) -> str:
        return self.appointment.kind

    @property
    def css(self) -> str:
        if self.busy or self.kind == Kind.PRIVATE:
            return "private" if self.kind == Kind.PRIVATE else "busy"
        return "proposed" if self.appointment.state == State.PROPOSED else self.kind

    @property
    def icon(self) -> str:
        return "lock" if self.busy else ICONS[Kind(self.kind)]

    @property
    def minutes(self) -> int:
        return self.appointment.minutes

    @property
    def is_done(self) -> bool:
        return self.appointment.state == State.DONE

    @property
    def is_short(self) -> bool:
        return self.minutes < 45

    @property
    def stamp(self) -> str:
        """Names the occurrence in an address."""
        return self.at.astimezone(UTC).strftime("%Y%m%dT%H%MZ")

    @property
    def clock(self) -> str:
        return f"{self.local:%H:%M}"

    @property
    def day(self) -> date:
        return self.local.date()

    @property
    def last_day(self) -> date:
        return french.as_day(self.ends - timedelta(seconds=1))

    @property
    def map_link(self) -> str:
        """For the phone's own map (RFC 5870): the address goes there only when somebody presses it. Home visits only."""
        if self.busy or self.kind != Kind.VISIT:
            return ""
        home = self.sight.coordinates if self.sight and self.who else None
        place = self.appointment.place
        if home and home.address and place in ("", home.commune_label):
            place = " ".join(x for x in (f"{home.address},", home.postal_code, home.commune_label) if x)
        return f"geo:0,0?q={quote(place)}" if place else ""


@dataclass(frozen=True, slots=True)
class Travel:
    """Between two places in a row, as the crow flies × a factor: no outside service knows where we go."""

    km: float
    minutes: int
    free: int  # minutes there are

    @property
    def is_short(self) -> bool:
        return self.free < self.minutes


# --- Calendars ----------------------------------------------------------------------------------------------------------
def mine(viewer: Viewer) -> list[Calendar]:
    """My own calendar and my teams'."""
    return list(calendars_of(viewer.practice_role_id).select_related("team")) if viewer.practice_role_id else []


def calendars_of(role_id: UUID):
    teams = TeamMember.objects.filter(practice_role_id=role_id, ended_at=None, team__closed_at=None)
    return Calendar.objects.filter(Q(practice_role_id=role_id) | Q(team_id__in=teams.values("team_id")), closed_at=None)


def rooms(organization_id: UUID | None) -> list[Calendar]:
    if organization_id is None:
        return []
    return list(Calendar.objects.filter(organization_id=organization_id, closed_at=None).order_by("name"))


def colleagues(viewer: Viewer) -> list[PracticeRole]:
    """Those whose time she may look at: of her own structure, now."""
    if viewer.organization_id is None:
        return []
    found = PracticeRole.objects.filter(organization_id=viewer.organization_id, ended_at=None)
    return list(
        found.exclude(pk=viewer.practice_role_id).select_related("practitioner").order_by("practitioner__sort")[:60]
    )


def teams(viewer: Viewer) -> list[Team]:
    if viewer.practice_role_id is None:
        return []
    return list(
        Team.objects.filter(
            members__practice_role_id=viewer.practice_role_id, members__ended_at=None, closed_at=None
        ).order_by("name")
    )


# --- Occurrences --------------------------------------------------------------------------------------------------------
def _expand(
    rows: Iterable[tuple[UUID | None, Appointment]], begin: datetime, end: datetime
) -> list[tuple[Appointment, datetime, set[UUID]]]:
    """Each occurrence that touches [begin, end[, once, with the calendars it came from."""
    kept: dict[UUID, Appointment] = {}
    calendars: dict[UUID, set[UUID]] = defaultdict(set)
    for calendar_id, appointment in rows:
        kept.setdefault(appointment.pk, appointment)
        if calendar_id:
            calendars[appointment.pk].add(calendar_id)
    series = [a.pk for a in kept.values() if a.rrule]
    changed = (
        set(Appointment.objects.filter(series_id__in=series).values_list("series_id", "occurrence_at"))
        if series
        else set()
    )
    found = []
    for a in kept.values():
        lasts = timedelta(minutes=a.minutes)
        if not a.rrule:
            moments: Iterable[datetime] = [a.starts_at]
        else:
            moments = recurrence.starts(a.rrule, a.starts_at, ZoneInfo(a.zone), begin - lasts, end)
        for at in moments:
            if at < end and at + lasts > begin and (a.pk, at) not in changed:
                found.append((a, at, calendars[a.pk]))
    return sorted(found, key=lambda o: (o[1], o[0].pk))


def _entries(calendar_ids: Iterable[UUID], begin: datetime, end: datetime) -> list[tuple[UUID, Appointment]]:
    with prepared() as cursor:
        cursor.execute(ENTRIES, {"calendars": list(calendar_ids), "early": begin - DAY, "begin": begin, "end": end})
        return [(row[0], fast.take(Appointment, row, 1)) for row in cursor.fetchall()]


def between(
    viewer: Viewer, begin: datetime, end: datetime, *, calendars: Iterable[Calendar], own: Iterable[UUID]
) -> list[Shown]:
    """What these calendars hold in [begin, end[. `own`: ids of the calendars that are the viewer's."""
    own, owners = set(own), {c.pk: c for c in calendars}
    if not owners:
        return []
    found = _expand(_entries(owners, begin, end), begin, end)
    known = sight.of(viewer, [a.circle_id for a, _at, _c in found])
    communes = _communes(found, known)
    shown = []
    for a, at, where in found:
        involved = bool(where & own) or (a.author_user_id is not None and a.author_user_id == viewer.user_id)
        one = _face(viewer, a, at, known.get(a.circle_id), involved=involved, communes=communes)
        one.calendar_ids = where
        others = [owners[c] for c in where if c not in own]
        if others and not where & own:
            one.owner = name_of(others[0])
        shown.append(one)
    _lay_out(shown)
    _travels(shown, own, communes)
    return shown


def of_patient(acting: Acting, begin: datetime, end: datetime) -> list[Shown]:
    """The same for one person's agenda: what for and with whom, since who it is about stands above."""
    coming = of_circle(acting, begin, end, limit=MOST_SHOWN)
    known: dict[UUID, Any] = sight.of(acting.viewer, [c.appointment.circle_id for c in coming])
    communes = _communes([(c.appointment, c.at, set()) for c in coming], known)
    people = participants([c.appointment.pk for c in coming])
    shown = []
    for c in coming:
        one = _face(
            acting.viewer, c.appointment, c.at, known.get(c.appointment.circle_id), involved=False, communes=communes
        )
        if not one.busy:
            one.title, one.detail = c.title, ", ".join(x for x in (c.appointment.place, *people[c.appointment.pk]) if x)
        shown.append(one)
    _lay_out(shown)
    return shown


def users_of(calendar_ids: Iterable[UUID]) -> list[UUID]:
    """Whose agendas these are: their own, their teams'."""
    calendars = Calendar.objects.filter(pk__in=list(calendar_ids))
    members = TeamMember.objects.filter(team__in=calendars.values("team_id"), ended_at=None)
    roles = PracticeRole.objects.filter(
        Q(pk__in=calendars.values("practice_role_id")) | Q(pk__in=members.values("practice_role_id")), ended_at=None
    )
    found = roles.filter(practitioner__user__isnull=False).values_list("practitioner__user__pk", flat=True)
    return list(found.distinct())


def participants(appointment_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """In whose agendas each of these stands."""
    found: dict[UUID, list[str]] = defaultdict(list)
    entries = Entry.objects.filter(appointment__in=set(appointment_ids)).select_related(
        "calendar__practice_role__practitioner", "calendar__team"
    )
    for entry in entries:
        found[entry.appointment_id].append(name_of(entry.calendar))
    return found


def name_of(calendar: Calendar) -> str:
    if calendar.kind == CalendarKind.PERSON:
        return calendar.practice_role.practitioner.display_name
    return calendar.team.name if calendar.kind == CalendarKind.TEAM else calendar.name


def _communes(found, known) -> dict[str, Commune]:
    codes = {a.commune_code for a, _at, _c in found if a.commune_code}
    if not codes:
        return {}
    return {c.code: c for c in Commune.objects.filter(code__in=codes, kind__in=("COM", "ARM"))}


def _face(
    viewer: Viewer, a: Appointment, at: datetime, known: Sight | None, *, involved: bool, communes: dict[str, Commune]
) -> Shown:
    """The one place where words are given or kept back."""
    ends = at + timedelta(minutes=a.minutes)
    commune = communes.get(a.commune_code)
    busy = Shown(a, at, ends, title=_("Personnel") if a.kind == Kind.PRIVATE else _("Occupé"), busy=True, sight=known)
    if a.kind == Kind.PRIVATE:
        if not involved:
            return busy
        return Shown(a, at, ends, title=a.title or _("Personnel"), detail=a.note, may_move=True)
    if a.circle_id:
        if known is None or known.refused or a.pk in known.targets:
            return busy  # the person's refusal wins over being invited
        if known.sees(a, viewer.user_id):
            place = a.place or (commune.name if commune else "")
            return Shown(
                a, at, ends, title=known.name, who=known.name, detail=", ".join(x for x in (place, a.title) if x),
                may_move=involved or ("write_agenda" in known.permissions and a.category in known.writable), sight=known,
            )  # fmt: skip
        if not involved:
            return busy
        place = a.place or (commune.name if commune else "")
        return Shown(a, at, ends, title=a.title or str(Kind(a.kind).label), detail=place, may_move=True, sight=known)
    if involved or (a.kind in SHARED_KINDS and a.organization_id == viewer.organization_id):
        detail = a.place or (commune.name if commune else "")
        return Shown(a, at, ends, title=a.title, detail=detail, may_move=involved)
    return busy


def _lay_out(shown: list[Shown]) -> None:
    """Side by side what overlaps; a conflict when it is in the same calendar."""
    group: list[Shown] = []
    edge = None

    def close() -> None:
        lanes = max((s.lane for s in group), default=0) + 1
        for s in group:
            s.lanes = min(lanes, 4)
            s.lane = min(s.lane, 3)

    for one in shown:
        if edge is not None and one.at >= edge:
            close()
            group, edge = [], None
        taken = {s.lane for s in group if s.ends > one.at}
        one.lane = next(n for n in range(len(group) + 1) if n not in taken)
        for other in group:
            if other.ends > one.at and other.calendar_ids & one.calendar_ids:
                other.conflict = one.conflict = True
        group.append(one)
        edge = max(edge or one.ends, one.ends)
    close()


# --- Travel -------------------------------------------------------------------------------------------------------------
def _travels(shown: list[Shown], own: set[UUID], communes: dict[str, Commune]) -> None:
    """Marks each visit with the way from the one before, the same day in the same agenda."""
    last: dict[tuple[UUID, date], Shown] = {}
    for one in shown:
        if one.kind != Kind.VISIT or one.busy or not one.appointment.commune_code:
            continue
        for calendar_id in one.calendar_ids & own or one.calendar_ids:
            before = last.get((calendar_id, one.day))
            last[calendar_id, one.day] = one
            if before is None:
                continue
            km = way(communes.get(before.appointment.commune_code), communes.get(one.appointment.commune_code))
            if km:
                free = int((one.at - before.ends).total_seconds() // 60)
                one.travel = Travel(km, travel_minutes(km), free)


def way(here: Commune | None, there: Commune | None) -> float | None:
    """Kilometres by road, as estimated; None when a place is not known."""
    if here is None or there is None or None in (here.lat, here.lon, there.lat, there.lon):
        return None
    a, b = math.radians(here.lat), math.radians(there.lat)
    step = (
        math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(there.lon - here.lon) / 2) ** 2
    )
    return 2 * 6371 * math.asin(math.sqrt(step)) * settings.AGENDA_ROAD_FACTOR


def travel_minutes(km: float) -> int:
    """Rounded up to five."""
    return math.ceil(km / settings.AGENDA_ROAD_KMH * 60 / 5) * 5


# --- Conflicts ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Conflict:
    calendar: Calendar
    at: datetime
    ends: datetime
    appointment_id: UUID


def conflicts(
    calendars: Iterable[Calendar], occurrences: list[tuple[datetime, datetime]], *, leave_out: Iterable[UUID] = ()
) -> list[Conflict]:
    """What already stands in these calendars at these times; the first sixty occurrences are looked at."""
    asked = {c.pk: c for c in calendars}
    occurrences = sorted(occurrences)[:60]
    if not asked or not occurrences:
        return []
    begin, end, out = occurrences[0][0], max(e for _b, e in occurrences), set(leave_out)
    found = []
    for a, at, where in _expand(_entries(asked, begin, end), begin, end):
        if a.pk in out or a.series_id in out:
            continue
        ends = at + timedelta(minutes=a.minutes)
        if any(at < e and ends > b for b, e in occurrences):
            found += [Conflict(asked[c], at, ends, a.pk) for c in where if c in asked]
    return found


def occurrences(a: Appointment) -> list[tuple[datetime, datetime]]:
    lasts = timedelta(minutes=a.minutes)
    if not a.rrule:
        return [(a.starts_at, a.starts_at + lasts)]
    zone = ZoneInfo(a.zone)
    return [(at, at + lasts) for at in recurrence.starts(a.rrule, a.starts_at, zone, a.starts_at, a.last_at)]


# --- For others -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Coming:
    appointment: Appointment
    at: datetime
    people: str = ""

    @property
    def ends(self) -> datetime:
        return self.at + timedelta(minutes=self.appointment.minutes)

    @property
    def title(self) -> str:
        return self.appointment.title or str(Kind(self.appointment.kind).label)

    @property
    def icon(self) -> str:
        return ICONS[Kind(self.appointment.kind)]

    @property
    def stamp(self) -> str:
        return self.at.astimezone(UTC).strftime("%Y%m%dT%H%MZ")


MOST_SHOWN, MOST_SERIES = 400, 100


def of_circle(
    acting: Acting, begin: datetime, end: datetime, *, limit: int, latest: bool = False
) -> list[Coming]:  # fmt: skip
    """The person's appointments that this reader may see: the first `limit` of the window, or the last ones (`latest`)."""
    if not acting.may("read_agenda"):
        return []
    rows = Appointment.objects.visible_to(acting).standing().filter(last_at__gt=begin, starts_at__lt=end)
    once = rows.filter(rrule="").order_by("-last_at" if latest else "last_at", "id")[:limit]
    series = rows.exclude(rrule="").order_by("-last_at", "id")[:MOST_SERIES]
    found = _expand(((None, a) for a in (*once, *series)), begin, end)
    return [Coming(a, at) for a, at, _c in (found[-limit:] if latest else found[:limit])]


def upcoming(acting: Acting, limit: int = 5) -> list[Coming]:
    """The next ones of this circle, three months ahead."""
    now = timezone.now()
    return of_circle(acting, now, now + timedelta(days=92), limit=limit)


def placed(role_id: UUID, first: datetime, last: datetime) -> list[datetime]:
    """When this person's time is taken, for what is counted (an absence that meets appointments)."""
    ids = list(Calendar.objects.filter(practice_role_id=role_id).values_list("pk", flat=True))
    return [at for _a, at, _c in _expand(_entries(ids, first, last), first, last)] if ids else []


def absent(role_ids: Iterable[UUID], day: date) -> dict[UUID, Absence]:
    """Who of these is away that day, and who covers (`.cover`)."""
    rows = Absence.objects.filter(
        practice_role_id__in=list(role_ids), starts_on__lte=day, ends_on__gte=day, cancelled_at=None
    )
    return {a.practice_role_id: a for a in rows.select_related("cover__practitioner")}


def absences(role_ids: Iterable[UUID], first: date, last: date) -> list[Absence]:
    rows = Absence.objects.filter(
        practice_role_id__in=list(role_ids), starts_on__lte=last, ends_on__gte=first, cancelled_at=None
    )
    return list(rows.select_related("practice_role__practitioner", "cover__practitioner").order_by("starts_on"))


@dataclass(slots=True)
class Waiting:
    """One thing to place, with the name if the reader may know it."""

    item: ToPlace
    title: str
    detail: str


def to_place(viewer: Viewer) -> list[Waiting]:
    if viewer.practice_role_id is None:
        return []
    rows = list(
        ToPlace.objects.filter(practice_role_id=viewer.practice_role_id, appointment=None, dropped_at=None).order_by(
            "due_at", "id"
        )[:40]
    )
    known = sight.of(viewer, [r.circle_id for r in rows])
    found = []
    for row in rows:
        seen = known.get(row.circle_id)
        if row.circle_id and (seen is None or not seen.sees(row, viewer.user_id)):
            continue
        what = row.title or str(Kind(row.kind).label)
        title = f"{what}, {seen.name}" if seen else what
        detail = french.duration(row.minutes)
        if row.due_at:
            detail += ", " + _before(row.due_at)
        found.append(Waiting(row, title, detail))
    return found


def _before(due: datetime) -> str:
    """« avant le 13 mars », « avant demain 18 h »"""
    gap = (french.as_day(due) - french.now().date()).days
    at_end = french.local(due).hour == 23
    when = {0: _("avant ce soir") if at_end else _("avant"), 1: _("avant demain")}.get(gap)
    if when is None:
        return _("avant le %(day)s") % {"day": french.short_day(due)}
    return when if at_end else f"{when} {french.hour(due)}"


def entries_of(appointment: Appointment) -> list[Entry]:
    return list(
        Entry.objects.filter(appointment=appointment).select_related(
            "calendar__practice_role__practitioner", "calendar__team"
        )
    )


def viewer_owns(viewer: Viewer, entries: Iterable[Entry], team_ids: Iterable[UUID]) -> bool:
    teams_in = set(team_ids)
    return any(
        (e.calendar.practice_role_id and e.calendar.practice_role_id == viewer.practice_role_id)
        or (e.calendar.team_id and e.calendar.team_id in teams_in)
        for e in entries
    )


def face_of(viewer: Viewer, a: Appointment, at: datetime, *, involved: bool) -> Shown:
    known: dict[UUID, Any] = sight.of(viewer, [a.circle_id])
    return _face(viewer, a, at, known.get(a.circle_id), involved=involved, communes=_communes([(a, at, set())], known))
