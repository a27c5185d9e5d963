"""Partial dates: what is known of a day, and no more.

A birth date may be a year, a month or a day, or one of the odd dates that civil registers and INSi really hold (lunar
calendar, month coded 20 to 42 or 50 to 99). It is kept as a canonical text with the earliest and latest day it can mean:

    parse("193900")      -> PartialDate("1939", 1939-01-01, 1939-12-31)
    parse("04/1939")     -> PartialDate("1939-04", 1939-04-01, 1939-04-30)
    parse("1939-31-12")  -> PartialDate("1939-31-12", 1939-01-01, 1939-12-31)      is_odd

The texts sort as they should, and the range is what searches and comparisons use.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cercle.base.common.errors import Refused
from cercle.base.common.text import sort_key

OLDEST = 130  # years; nobody has lived longer (122 is the record), a birth date beyond is a typing error
# Months that INSi and the NIR use when the real one is not known or is not of our calendar.
ODD_MONTHS = frozenset(range(20, 43)) | frozenset(range(50, 100))


@dataclass(frozen=True, slots=True)
class PartialDate:
    text: str
    earliest: date
    latest: date

    @property
    def is_full(self) -> bool:
        return self.earliest == self.latest

    @property
    def is_odd(self) -> bool:
        """Neither a year, a month nor a day of our calendar: shown as received, compared by its year."""
        return len(self.text) == 10 and not self.is_full

    @property
    def precision(self) -> str:
        """year, month, day or odd."""
        return "odd" if self.is_odd else {4: "year", 7: "month", 10: "day"}[len(self.text)]

    def overlaps(self, other: "PartialDate") -> bool:
        return self.earliest <= other.latest and other.earliest <= self.latest

    def __str__(self) -> str:
        return short(self)


def year(y: int) -> PartialDate:
    return PartialDate(f"{y:04}", date(y, 1, 1), date(y, 12, 31))


def month(y: int, m: int) -> PartialDate:
    return PartialDate(f"{y:04}-{m:02}", date(y, m, 1), date(y, m, calendar.monthrange(y, m)[1]))


def day(d: date) -> PartialDate:
    return PartialDate(d.isoformat(), d, d)


# --- Reading ---------------------------------------------------------------------------------------------------------
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-/. ](\d{1,2})(?:[-/. ](\d{1,2}))?)?", re.ASCII)
_DAY_FIRST = re.compile(r"(?:(\d{1,2})[-/. ])?(\d{1,2})[-/. ](\d{4})", re.ASCII)
_IN_WORDS = re.compile(r"(?:(\d{1,2})(?:er)? )?([a-z]{3,9})\.? (\d{4})", re.ASCII)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2}", re.ASCII)
_FRENCH_MONTHS = (
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()  # as sort_key gives
)


def parse(text: str, *, today: date | None = None, oldest: int | None = OLDEST) -> PartialDate:
    """Read a date as people and systems write it. Raises Refused with a sentence that says what to check.

    `today`: to refuse the future (default: now in the time zone of the deployment). `oldest`: years; None to accept any.
    Codes: date_empty, date_unreadable, date_impossible, date_future, date_too_old.
    """
    today = today or timezone.localdate()
    found = _read(" ".join((text or "").split()), today)
    if found.earliest > today:
        raise Refused(_("Cette date est dans le futur. Vérifiez l’année."), "date_future")
    if oldest is not None and found.latest.year < today.year - oldest:
        raise Refused(
            _("Cette date remonte à plus de %(years)s ans. Vérifiez l’année.") % {"years": oldest}, "date_too_old"
        )
    return found


def _read(text: str, today: date) -> PartialDate:
    if not text:
        raise Refused(_("Indiquez la date, même incomplète : l’année suffit."), "date_empty")
    if len(text) > 40:
        raise _unreadable()
    text = text.translate(_ASCII_DIGITS)
    if text.isascii() and text.isdigit():
        return _digits(text, today)
    if found := _YEAR_FIRST.fullmatch(text):
        return _made(*(int(part or 0) for part in found.groups()))
    if found := _DAY_FIRST.fullmatch(text):
        d, m, y = (int(part or 0) for part in found.groups())
        return _made(y, m, d)
    if found := _IN_WORDS.fullmatch(sort_key(text)):
        first, name, of_year = found.groups()
        months = [n for n, full in enumerate(_FRENCH_MONTHS, 1) if full == name or (len(name) > 3 and full[:4] == name)]
        if len(months) == 1:
            return _made(int(of_year), months[0], int(first or 0))
    if _TWO_DIGIT_YEAR.fullmatch(text):
        raise Refused(_("Écrivez l’année sur quatre chiffres, par exemple 12/04/1939."), "date_unreadable")
    raise _unreadable()


_ASCII_DIGITS = {0xFF10 + n: str(n) for n in range(10)}  # full-width digits, seen in copies from PDF files


def _digits(text: str, today: date) -> PartialDate:
    if len(text) == 4:
        return _made(int(text), 0, 0)
    if len(text) == 6:  # 193904, 193900
        return _made(int(text[:4]), int(text[4:]), 0)
    if len(text) == 8:
        # 19390412 first, as machines write; 12041939 when the first four digits cannot be a year of birth.
        if not 1850 <= int(text[:4]) <= today.year and 1850 <= int(text[4:]) <= today.year:
            return _made(int(text[4:]), int(text[2:4]), int(text[:2]))
        return _made(int(text[:4]), int(text[4:6]), int(text[6:]))
    raise _unreadable()


def _made(y: int, m: int, d: int) -> PartialDate:
    if y == 0:
        raise Refused(
            _("L’année est nécessaire. Si elle n’est pas connue, indiquez l’année estimée."), "date_unreadable"
        )
    if d > 31:
        raise Refused(_("Le jour %(day)s n’existe pas. Vérifiez le jour.") % {"day": d}, "date_impossible")
    if m == 0 and d == 0:
        return year(y)
    if m in ODD_MONTHS or m == 0:  # a day without its month is kept as it came
        return PartialDate(f"{y:04}-{m:02}-{d:02}", date(y, 1, 1), date(y, 12, 31))
    if m > 12:
        raise Refused(_("Le mois %(month)s n’existe pas. Vérifiez le mois.") % {"month": m}, "date_impossible")
    if d == 0:
        return month(y, m)
    if d > calendar.monthrange(y, m)[1]:
        values = {"day": d, "month": MONTHS[m], "year": y}
        if (m, d) == (2, 29):
            message = _("Le 29 février %(year)s n’existe pas. Vérifiez le jour ou l’année.")
        else:
            message = _("Le %(day)s %(month)s n’existe pas. Vérifiez le jour.")
        raise Refused(message % values, "date_impossible")
    return day(date(y, m, d))


def _unreadable() -> Refused:
    return Refused(_("Cette date ne se lit pas. Écrivez-la ainsi : 12/04/1939, 04/1939 ou 1939."), "date_unreadable")


# --- Writing ---------------------------------------------------------------------------------------------------------
def short(value: PartialDate) -> str:
    """« 12/04/1941 », « 04/1941 », « 1941 », and an odd date as 12/31/1941."""
    return "/".join(reversed(value.text.split("-")))


def when(value: PartialDate) -> str:
    """« le 12/04/1941 », « en avril 1941 », « en 1941 »."""
    if value.precision == "day":
        return _("le %(date)s") % {"date": short(value)}
    if value.precision == "month":
        return _("en %(month)s %(year)s") % {"month": MONTHS[value.earliest.month], "year": value.earliest.year}
    if value.precision == "year":
        return _("en %(year)s") % {"year": value.text}
    return _("en %(year)s (date inscrite : %(date)s)") % {"year": value.earliest.year, "date": short(value)}


def born(value: PartialDate, sex: str = "") -> str:
    """« née le 12/04/1941 », « né en 1939 », « né(e) en avril 1939 ». `sex`: F, M, or anything else."""
    sentence = {"F": _("née %(when)s"), "M": _("né %(when)s")}.get(sex) or _("né(e) %(when)s")
    return sentence % {"when": when(value)}


def years(born_on: PartialDate, on: date) -> tuple[int, int]:
    """The least and the greatest whole age, in years, on that day."""
    return max(0, _whole_years(born_on.latest, on)), max(0, _whole_years(born_on.earliest, on))


def _whole_years(born_on: date, on: date) -> int:
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _whole_months(born_on: date, on: date) -> int:
    return (on.year - born_on.year) * 12 + on.month - born_on.month - (on.day < born_on.day)


def age(born_on: PartialDate, on: PartialDate | date | None = None) -> str:
    """« 85 ans », « 86 ou 87 ans » when the date leaves it open, « 7 mois » under two years, « 12 jours » under a month.

    `on`: the day of death for a deceased person; default today.
    """
    first, last = (on, on) if isinstance(on, date) else (on.earliest, on.latest) if on else (timezone.localdate(),) * 2
    least, greatest = years(born_on, first)[0], years(born_on, last)[1]
    if greatest < 2 and born_on.is_full and first == last:
        months = _whole_months(born_on.earliest, last)
        if months < 1:
            days = max(0, (last - born_on.earliest).days)
            return ngettext("%(n)s jour", "%(n)s jours", days or 1) % {"n": days}
        return ngettext("%(n)s mois", "%(n)s mois", months) % {"n": months}
    if greatest == 0:
        return _("moins d’un an")
    if least == greatest:
        return ngettext("%(n)s an", "%(n)s ans", greatest) % {"n": greatest}
    if greatest == least + 1:
        return _("%(least)s ou %(greatest)s ans") % {"least": least, "greatest": greatest}
    return _("entre %(least)s et %(greatest)s ans") % {"least": least, "greatest": greatest}
