"""When an answer is due: working hours of the desk, weekends and French public holidays left out (computed, not listed)."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from cercle.base.web import french

OPENS, CLOSES = time(9), time(17)
ZONE = ZoneInfo("Europe/Paris")
# Hours of work before an answer is due, by urgency; a structure's own rows win (models.DeskSetting).
DEFAULT_HOURS = {0: 24, 1: 16, 2: 4}


def easter(year: int) -> date:
    """Gregorian computus (Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@lru_cache(16)
def holidays(year: int, alsace_moselle: bool = False) -> frozenset[date]:
    """Code du travail, art. L3133-1; Good Friday and 26 December in Alsace-Moselle (L3134-13)."""
    sunday = easter(year)
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    found = {date(year, m, d) for m, d in fixed} | {sunday + timedelta(days=n) for n in (1, 39, 50)}
    if alsace_moselle:
        found |= {sunday - timedelta(days=2), date(year, 12, 26)}
    return frozenset(found)


def is_worked(day: date, closed: frozenset[date] = frozenset(), alsace_moselle: bool = False) -> bool:
    return day.weekday() < 5 and day not in closed and day not in holidays(day.year, alsace_moselle)


def due(
    start: datetime,
    hours: int,
    *,
    closed: frozenset[date] = frozenset(),
    alsace_moselle: bool = False,
    zone: ZoneInfo = ZONE,
) -> datetime:
    """`hours` of open desk after `start`. Counted on the wall clock: a change of hour never falls inside a working day."""
    local = start.astimezone(zone)
    day, clock, left = local.date(), local.time(), timedelta(hours=hours)
    while True:
        if is_worked(day, closed, alsace_moselle):
            opens = max(clock, OPENS)
            if opens < CLOSES:
                room = datetime.combine(day, CLOSES) - datetime.combine(day, opens)
                if left <= room:
                    return (datetime.combine(day, opens) + left).replace(tzinfo=zone)
                left -= room
        day, clock = day + timedelta(days=1), OPENS


def words(at: datetime, now: datetime | None = None) -> str:
    """« demain 12 h », « en retard de 2 h »: as one says them."""
    now = now or french.now()
    if at <= now:
        return _("en retard de %(for)s") % {"for": lateness(now - at)}
    gap = (french.as_day(at) - french.as_day(now)).days
    hour = french.hour(at)
    if gap == 0:
        return (_("ce soir %(hour)s") if french.local(at).hour >= 17 else _("aujourd’hui %(hour)s")) % {"hour": hour}
    if gap == 1:
        return _("demain %(hour)s") % {"hour": hour}
    if gap < 4:
        return f"{french.DAYS[french.as_day(at).weekday()]} {hour}"
    return f"{french.day(at)}, {hour}"


def lateness(gap: timedelta) -> str:
    minutes = int(gap.total_seconds() // 60)
    return french.duration(minutes if minutes < 60 else minutes // 60 * 60)
