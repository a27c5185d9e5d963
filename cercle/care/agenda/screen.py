"""The pages of the agenda as data: days, hours, places in the grid."""

import calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from cercle.base.web import french
from cercle.people.circles.access import Viewer
from cercle.people.directory.models import PracticeRole

from . import deadlines, queries
from .models import Absence, Calendar
from .queries import Shown

VIEWS = {"jour": _l("Jour"), "semaine": _l("Semaine"), "mois": _l("Mois"), "liste": _l("Liste")}
STEP = 5  # minutes of one row of the grid (slots.css)
FIRST, LAST = 8, 19  # hours always shown


@dataclass(slots=True)
class Lane:
    """A line above the hours."""

    text: Any
    icon: str
    chip: str
    url: str = ""


@dataclass(slots=True)
class Block:
    """An occurrence at its place in the column of its day."""

    shown: Shown
    top: int
    rows: int


@dataclass(slots=True)
class Day:
    day: date
    is_today: bool
    in_month: bool = True
    lanes: list[Lane] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    now_at: int | None = None

    @property
    def short(self) -> str:
        return str(french.SHORT_DAYS[self.day.weekday()])

    @property
    def is_weekend(self) -> bool:
        return self.day.weekday() > 4

    @property
    def more(self) -> int:
        return max(len(self.shown) - 3, 0)


@dataclass(slots=True)
class Choice:
    """One agenda that may be ticked."""

    key: str
    label: str
    ticked: bool
    absent: bool = False


@dataclass(slots=True)
class Side:
    calendars: list[Calendar]
    own: list
    choices: list[Choice]
    colleagues: list[PracticeRole]
    roles: list


def zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), zone())


def read_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return french.now().date()
    return day if 2000 <= day.year <= 2100 else french.now().date()


def side(viewer: Viewer, ticked: list[str] | None) -> Side:
    """Which agendas there are and which are shown. `ticked` None: mine and my teams'."""
    own = queries.mine(viewer)
    teams = queries.teams(viewer)
    people = queries.colleagues(viewer)
    rooms = queries.rooms(viewer.organization_id) if viewer.organization_id else []
    default = {"moi", *(f"e{t.pk}" for t in teams)}
    wanted = default if ticked is None else set(ticked)
    choices = [Choice("moi", _("Le mien"), "moi" in wanted)]
    choices += [Choice(f"e{t.pk}", t.name, f"e{t.pk}" in wanted) for t in teams]
    choices += [Choice(f"p{r.pk}", r.practitioner.display_name, f"p{r.pk}" in wanted) for r in people]
    choices += [Choice(f"s{c.pk}", c.name, f"s{c.pk}" in wanted) for c in rooms]
    shown = [c for c in own if (c.practice_role_id and "moi" in wanted) or (c.team_id and f"e{c.team_id}" in wanted)]
    shown += [c for c in rooms if f"s{c.pk}" in wanted]
    theirs = [r.pk for r in people if f"p{r.pk}" in wanted]
    if theirs:
        shown += Calendar.objects.filter(practice_role_id__in=theirs).select_related("practice_role__practitioner")
    roles = ([viewer.practice_role_id] if "moi" in wanted else []) + theirs
    return Side(shown, [c.pk for c in own], choices, people, roles)


def days(viewer: Viewer, chosen: Side, first: date, number: int, *, month: int = 0) -> list[Day]:
    begin, end = midnight(first), midnight(first + timedelta(days=number))
    shown = queries.between(viewer, begin, end, calendars=chosen.calendars, own=chosen.own)
    today = french.now().date()
    made = {
        first + timedelta(days=n): Day(first + timedelta(days=n), first + timedelta(days=n) == today)
        for n in range(number)
    }
    for one in shown:
        if one.day in made:
            made[one.day].shown.append(one)
    for deadline in deadlines.between(viewer, begin, end):
        made[french.as_day(deadline.at)].lanes.append(Lane(deadline.text, deadline.icon, deadline.chip, deadline.url))
    for away in queries.absences(chosen.roles, first, first + timedelta(days=number - 1)):
        for n in range((min(away.ends_on, end.date()) - away.starts_on).days + 1):
            if (day := away.starts_on + timedelta(days=n)) in made:
                made[day].lanes.append(Lane(_absence(away, viewer), "sun", "wait"))
    for day in made.values():
        day.in_month = not month or day.day.month == month
    return list(made.values())


def _absence(away: Absence, viewer: Viewer) -> str:
    """A colleague reads that one is away, never why."""
    if away.practice_role_id == viewer.practice_role_id:
        return str(away.get_kind_display())
    return _("%(who)s, absence") % {"who": away.practice_role.practitioner.display_name}


def grid(found: list[Day]) -> list[int]:
    """Places the occurrences; the hours to draw."""
    local = [(s.local, french.local(s.ends)) for d in found for s in d.shown]
    first = min([FIRST, *(b.hour for b, _e in local)])
    last = max([LAST, *(24 if e.date() > b.date() else e.hour + bool(e.minute) for b, e in local)])
    now = french.now()
    for day in found:
        for one in day.shown:
            begin = one.local
            top = ((begin.hour - first) * 60 + begin.minute) // STEP
            rows = max(-(-one.minutes // STEP), 4)
            day.blocks.append(Block(one, top, min(rows, (last - first) * 60 // STEP - top)))
        if day.is_today and first <= now.hour < last:
            day.now_at = ((now.hour - first) * 60 + now.minute) // STEP
    return list(range(first, last))


def month_of(day: date) -> list[list[date]]:
    return calendar.Calendar().monthdatescalendar(day.year, day.month)


def month_title(day: date) -> str:
    name = str(french.MONTHS[day.month - 1])
    return f"{name[0].upper()}{name[1:]} {day.year}"


def span_title(first: date, last: date) -> str:
    """« 2 – 6 mars », « 30 mars – 3 avril »"""
    end = f"{last.day}{french.NBSP}{french.MONTHS[last.month - 1]}"
    if last.year != french.now().year:
        end += f"{french.NBSP}{last.year}"
    start = str(first.day) if first.month == last.month else f"{first.day}{french.NBSP}{french.MONTHS[first.month - 1]}"
    return f"{start} – {end}"


def step(view: str, day: date, way: int) -> date:
    if view == "jour":
        return day + timedelta(days=way)
    if view == "mois":
        month = day.month - 1 + way
        return date(day.year + month // 12, month % 12 + 1, 1)
    return day + timedelta(days=(30 if view == "liste" else 7) * way)


@dataclass(slots=True)
class Round:
    """The phone's day: what is done, what is next, how far."""

    shown: list[Shown]
    done: int
    visits: int
    km: int


def tour(day: Day) -> Round:
    now = timezone.now()
    total = queries.travels(day.shown)
    coming = [s for s in day.shown if not s.is_done and s.ends > now and not s.busy]
    if day.is_today and coming:
        coming[0].is_next = True
    visits = [s for s in day.shown if s.kind == "visit"]
    left = sum(s.travel.km for s in day.shown if s.travel and s.at > now) if day.is_today else total
    return Round(day.shown, sum(s.is_done for s in visits), len(visits), round(left))


def by_day(found: list[Day]) -> list[Day]:
    return [d for d in found if d.shown or d.lanes]
