"""Recurrence of RFC 5545 on the clock of one zone.

dateutil expands local times without zone; each is then put on the clock: 9 h stays 9 h across daylight saving. The hour
that summer time skips counts with the offset before the jump, the hour that comes twice is its first passage (RFC 5545 3.3.5).
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rrulestr
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.web import french

LONGEST = timedelta(days=366 * 3)
MOST = 1200  # occurrences of one series: three years of every day
_PARTS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "COUNT", "UNTIL", "WKST"}
_END = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_DAY = re.compile(r"[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)")
CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def zone_of(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise Refused(_("Ce fuseau horaire n’existe pas."), "zone")
    return ZoneInfo(name)


def on_clock(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def parts(rule: str) -> dict[str, str]:
    """{"FREQ": "WEEKLY", …} of a rule we keep; Refused when it has anything else."""
    found: dict[str, str] = {}
    for part in rule.strip().upper().removeprefix("RRULE:").split(";"):
        name, _sep, value = part.partition("=")
        if name not in _PARTS or not value or name in found:
            raise Refused(_("Cette répétition n’est pas comprise."), "rrule")
        found[name] = value
    if found.get("FREQ") not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"} or {"COUNT", "UNTIL"} <= set(found):
        raise Refused(_("Cette répétition n’est pas comprise."), "rrule")
    if not all(_DAY.fullmatch(d) for d in found.get("BYDAY", "MO").split(",")):
        raise Refused(_("Cette répétition n’est pas comprise."), "rrule")
    if not all(found.get(name, "1").isascii() and found.get(name, "1").isdigit() and 0 < int(found.get(name, "1")) < 10_000
               for name in ("INTERVAL", "COUNT")):  # fmt: skip
        raise Refused(_("Cette répétition n’est pas comprise."), "rrule")
    return found


def join(found: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in found.items())


def until(day: date, zone: ZoneInfo) -> str:
    """The last instant of that local day, as RFC 5545 wants it beside a start with a zone: in UTC."""
    return on_clock(datetime.combine(day, time(23, 59, 59)), zone).strftime("%Y%m%dT%H%M%SZ")


def _until(value: str, zone: ZoneInfo) -> datetime:
    """Local, without zone. A day without hour is the whole day."""
    try:
        if not _END.fullmatch(value):
            raise ValueError(value)
        moment = datetime.fromisoformat(value)
    except ValueError as e:
        raise Refused(_("Cette répétition n’est pas comprise."), "rrule") from e
    if moment.tzinfo:
        return wall(moment, zone)
    return moment if "T" in value else moment.replace(hour=23, minute=59, second=59)


def compiled(rule: str, start: datetime, zone: ZoneInfo) -> rrule:
    """`start` is local, without zone."""
    found = parts(rule)
    if "UNTIL" in found:
        found["UNTIL"] = _until(found["UNTIL"], zone).strftime("%Y%m%dT%H%M%S")
    try:
        return rrulestr(join(found), dtstart=start)
    except (ValueError, TypeError) as e:
        raise Refused(_("Cette répétition n’est pas comprise."), "rrule") from e


def checked(rule: str, starts_at: datetime, zone: ZoneInfo) -> tuple[str, datetime]:
    """The rule as we keep it and the start of its last occurrence. Refused: not understood, without end, too long, empty."""
    found = parts(rule)
    if not {"COUNT", "UNTIL"} & set(found):
        raise Refused(_("Dites jusqu’à quand ce rendez-vous se répète."), "unbounded")
    start = wall(starts_at, zone)
    limit, last, number = start + LONGEST, None, 0
    for moment in compiled(rule, start, zone):
        number += 1
        if moment > limit or number > MOST:
            raise Refused(_("Une répétition dure trois ans au plus."), "too_long")
        if number == 1 and moment != start:
            raise Refused(_("Le premier jour n’est pas un jour de cette répétition."), "first_day")
        last = moment
    if last is None:
        raise Refused(_("Cette répétition ne donne aucun rendez-vous."), "empty")
    return join(found), on_clock(last, zone)


def starts(rule: str, starts_at: datetime, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Instants of the occurrences that start in [begin, end[, in order."""
    # A day of margin: the two clocks may differ by an offset at the edges.
    low, high = wall(begin, zone) - timedelta(days=1), wall(end, zone) + timedelta(days=1)
    rule, first = _nearer(rule, wall(starts_at, zone), low)
    for local in compiled(rule, first, zone).xafter(low, inc=True):
        if local > high:
            return
        instant = on_clock(local, zone)
        if begin <= instant < end:
            yield instant


def _nearer(rule: str, start: datetime, low: datetime) -> tuple[str, datetime]:
    """The same series begun just before `low`: dateutil walks from the first day, which is long for a daily round of two years."""
    found = parts(rule)
    days = found.get("BYDAY", "").split(",") if "BYDAY" in found else [""]
    if found["FREQ"] == "DAILY" and set(found) <= {"FREQ", "INTERVAL", "COUNT", "UNTIL"}:
        period = int(found.get("INTERVAL", "1"))
    elif found["FREQ"] == "WEEKLY" and set(found) <= {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}:
        period = 7 * int(found.get("INTERVAL", "1"))
    else:
        return rule, start
    turns = (low - start).days // period
    if turns < 1:
        return rule, start
    if "COUNT" in found:
        left = int(found["COUNT"]) - turns * len({d[-2:] for d in days})
        if left < 1:
            return rule, start  # nothing is left there: walking finds it out
        found["COUNT"] = str(left)
    return join(found), start + timedelta(days=turns * period)


def is_one(rule: str, starts_at: datetime, zone: ZoneInfo, moment: datetime) -> bool:
    return next(starts(rule, starts_at, zone, moment, moment + timedelta(seconds=1)), None) == moment


def before(rule: str, starts_at: datetime, zone: ZoneInfo, moment: datetime) -> str:
    """The rule of what comes before this occurrence; "" when nothing does."""
    local = wall(moment, zone)
    last = compiled(rule, wall(starts_at, zone), zone).before(local)
    if last is None:
        return ""
    found = parts(rule)
    found.pop("COUNT", None)
    found["UNTIL"] = on_clock(last, zone).strftime("%Y%m%dT%H%M%SZ")
    return join(found)


def from_there(rule: str, starts_at: datetime, zone: ZoneInfo, moment: datetime, shift: timedelta) -> str:
    """The rule of this occurrence and those after it, moved by `shift` on the clock."""
    found = parts(rule)
    local = wall(moment, zone)
    if "COUNT" in found:
        gone = sum(1 for m in compiled(rule, wall(starts_at, zone), zone) if m < local)
        found["COUNT"] = str(int(found["COUNT"]) - gone)
    return moved(join(found), local, local + shift, zone)


def moved(rule: str, old: datetime, new: datetime, zone: ZoneInfo) -> str:
    """The same rule once its first occurrence goes from `old` to `new` (local): the days of the week follow."""
    found = parts(rule)
    days = (new.date() - old.date()).days
    if days and found["FREQ"] == "WEEKLY" and "BYDAY" in found:
        turned = {CODES[(CODES.index(d[-2:]) + days) % 7] for d in found["BYDAY"].split(",")}
        found["BYDAY"] = ",".join(c for c in CODES if c in turned)
        if found.get("INTERVAL", "1") != "1":
            # « One week out of two » counts weeks from a day of the week: that day moves too.
            found["WKST"] = CODES[(CODES.index(found.get("WKST", "MO")) + days) % 7]
    elif days and found["FREQ"] in {"MONTHLY", "YEARLY"}:
        for name in ("BYDAY", "BYMONTHDAY", "BYSETPOS", "BYMONTH"):
            found.pop(name, None)
    if "UNTIL" in found:
        end = _until(found["UNTIL"], zone) + (new - old)
        found["UNTIL"] = on_clock(end, zone).strftime("%Y%m%dT%H%M%SZ")
    return join(found)


def said(rule: str, starts_at: datetime, zone: ZoneInfo) -> str:
    """« Chaque semaine, le lundi et le jeudi, jusqu’au 30 juin »"""
    found = parts(rule)
    every = int(found.get("INTERVAL", "1"))
    words = {
        "DAILY": (_("Chaque jour"), _("Tous les %(n)s jours")),
        "WEEKLY": (_("Chaque semaine"), _("Toutes les %(n)s semaines")),
        "MONTHLY": (_("Chaque mois"), _("Tous les %(n)s mois")),
        "YEARLY": (_("Chaque année"), _("Tous les %(n)s ans")),
    }[found["FREQ"]]
    text = words[0] if every == 1 else words[1] % {"n": every}
    days = [d for d in found.get("BYDAY", "").split(",") if d in CODES]
    if found["FREQ"] == "WEEKLY" and days:
        text += ", " + _("le %(days)s") % {"days": ", ".join(str(french.DAYS[CODES.index(d)]) for d in days)}
    if "COUNT" in found:
        return text + ", " + _("%(n)s fois") % {"n": found["COUNT"]}
    return text + ", " + _("jusqu’au %(day)s") % {"day": french.short_day(_until(found["UNTIL"], zone).date())}
