"""The pages of the agenda as data: days, hours, places in the grid."""

import calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from cercle.base.web import french
from cercle.people.circles.access import Acting, Viewer
from cercle.people.directory.models import Team

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
    goes_on: bool  # it began the day before

    @property
    def place(self) -> str:
        """Classes of slots.css."""
        return f"{_at(self.top)} for-h{self.rows // 12} for-m{self.rows % 12}"


def _at(row: int) -> str:
    return f"at-h{row // 12} at-m{row % 12}"


@dataclass(slots=True)
class Day:
    day: date
    is_today: bool
    in_month: bool = True
    lanes: list[Lane] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    now_at: str | None = None

    @property
    def short(self) -> str:
        return str(french.SHORT_DAYS[self.day.weekday()])

    @property
    def is_weekend(self) -> bool:
        return self.day.weekday() > 4

    @property
    def more(self) -> int:
        return max(len(self.shown) - 3, 0)

    @property
    def iso(self) -> str:
        return self.day.isoformat()

    def hour_of(self, one: Shown) -> str:
        return french.hour(one.local) if one.day == self.day else _("suite")


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
    own: set[UUID]
    choices: list[Choice]
    roles: list[UUID]


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


def default(teams: list[Team]) -> list[str]:
    return ["moi", *(f"e{t.pk}" for t in teams)]


def side(viewer: Viewer, ticked: list[str] | None) -> Side:
    """Which agendas there are and which are shown. `ticked` None: mine and my teams'."""
    own = queries.mine(viewer)
    teams = queries.teams(viewer)
    people = queries.colleagues(viewer)
    rooms = queries.rooms(viewer.organization_id)
    absent = queries.absent([r.pk for r in people], french.now().date())
    wanted = set(default(teams) if ticked is None else ticked)
    choices = [Choice("moi", _("Le mien"), "moi" in wanted)]
    choices += [Choice(f"e{t.pk}", t.name, f"e{t.pk}" in wanted) for t in teams]
    choices += [
        Choice(f"p{r.pk}", r.practitioner.display_name, f"p{r.pk}" in wanted, absent=r.pk in absent) for r in people
    ]
    choices += [Choice(f"s{c.pk}", c.name, f"s{c.pk}" in wanted) for c in rooms]
    shown = [c for c in own if (c.practice_role_id and "moi" in wanted) or (c.team_id and f"e{c.team_id}" in wanted)]
    shown += [c for c in rooms if f"s{c.pk}" in wanted]
    theirs = [r.pk for r in people if f"p{r.pk}" in wanted]
    if theirs:
        shown += Calendar.objects.filter(practice_role_id__in=theirs).select_related("practice_role__practitioner")
    roles = ([viewer.practice_role_id] if "moi" in wanted else []) + theirs
    return Side(shown, {c.pk for c in own}, choices, roles)


def _blank(first: date, number: int, shown: list[Shown]) -> dict[date, Day]:
    """The days with what happens in them; what passes midnight is in both."""
    today = french.now().date()
    made = {day: Day(day, day == today) for day in (first + timedelta(days=n) for n in range(number))}
    for one in shown:
        for n in range((one.last_day - one.day).days + 1):
            if (day := one.day + timedelta(days=n)) in made:
                made[day].shown.append(one)
    return made


def days_of_patient(acting: Acting, first: date, number: int, *, month: int = 0) -> list[Day]:
    begin, end = midnight(first), midnight(first + timedelta(days=number))
    made = _blank(first, number, queries.of_patient(acting, begin, end))
    for day in made.values():
        day.in_month = not month or day.day.month == month
    return list(made.values())


def days(viewer: Viewer, chosen: Side, first: date, number: int, *, month: int = 0) -> list[Day]:
    begin, end = midnight(first), midnight(first + timedelta(days=number))
    made = _blank(first, number, queries.between(viewer, begin, end, calendars=chosen.calendars, own=chosen.own))
    for deadline in deadlines.between(viewer, begin, end):
        made[french.as_day(deadline.at)].lanes.append(Lane(deadline.text, deadline.icon, deadline.chip, deadline.url))
    for away in queries.absences(chosen.roles, first, first + timedelta(days=number - 1)):
        for day in made.values():
            if away.starts_on <= day.day <= away.ends_on:
                day.lanes.append(Lane(_absence(away, viewer), "sun", "wait", reverse("agenda:absences")))
    for day in made.values():
        day.in_month = not month or day.day.month == month
    return list(made.values())


def _absence(away: Absence, viewer: Viewer) -> str:
    """A colleague reads that one is away, never why."""
    if away.practice_role_id == viewer.practice_role_id:
        return str(away.get_kind_display())
    return _("%(who)s, absence") % {"who": away.practice_role.practitioner.display_name}


def grid(found: list[Day]) -> list[int]:
    """Places the occurrences, each by the minutes of the wall clock of its day; the hours to draw."""
    placed = [(d, s, *_minutes(d.day, s)) for d in found for s in d.shown]
    first = min([FIRST, *(begin // 60 for _d, _s, begin, _end in placed)])
    last = max([LAST, *(-(-end // 60) for _d, _s, _begin, end in placed)])
    now = french.now()
    for day, one, begin, end in placed:
        top, bottom = begin // STEP - first * 60 // STEP, (last - first) * 60 // STEP
        rows = max(-(-(end - begin) // STEP), 4)  # what is shorter is still pressed
        top = min(top, bottom - 4)
        day.blocks.append(Block(one, top, min(rows, bottom - top), goes_on=one.day != day.day))
    for day in found:
        if day.is_today and first <= now.hour < last:
            day.now_at = _at(((now.hour - first) * 60 + now.minute) // STEP)
    return list(range(first, last))


def _minutes(day: date, one: Shown) -> tuple[int, int]:
    end = french.local(one.ends)
    begins = one.local.hour * 60 + one.local.minute if one.day == day else 0
    return begins, end.hour * 60 + end.minute if end.date() == day else 1440


def weeks_of(found: list[Day]) -> list[list[Day]]:
    return [found[i : i + 7] for i in range(0, len(found), 7)]


def window(view: str, day: date) -> tuple[date, int]:
    """First day and how many."""
    if view == "jour":
        return day, 1
    if view == "semaine":
        return day - timedelta(days=day.weekday()), 7
    if view == "liste":
        return day, 30
    weeks = month_of(day)
    return weeks[0][0], 7 * len(weeks)


def working_week(found: list[Day], day: date) -> list[Day]:
    """Saturday and Sunday when something is in them, or when one stands there."""
    kept = [d for d in found if not d.is_weekend or d.shown or d.lanes or d.day == day]
    return found if kept[-1].day.weekday() == 6 else kept


def title(view: str, day: date, found: list[Day]) -> str:
    if view == "mois":
        return month_title(day)
    return french.day(day) if view == "jour" else span_title(found[0].day, found[-1].day)


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


def tour(day: Day, own: set[UUID]) -> Round:
    """Of one's own agendas: a colleague's visits, ticked at the desk, are not one's round."""
    now = timezone.now()
    shown = [s for s in day.shown if s.calendar_ids & own]
    coming = [s for s in shown if not s.is_done and s.ends > now and not s.busy]
    if day.is_today and coming:
        coming[0].is_next = True
    visits = [s for s in shown if s.kind == "visit"]
    left = sum(s.travel.km for s in shown if s.travel and (s.at > now or not day.is_today))
    return Round(shown, sum(s.is_done for s in visits), len(visits), round(left))


def by_day(found: list[Day]) -> list[Day]:
    return [d for d in found if d.shown or d.lanes]
