"""How French writes times, days, ages, phones and numbers; pure functions, used by tags, e-mails and PDFs alike.

All spaces inside a figure are U+00A0: the face lacks U+202F. Who reads English gets English shapes: « 8:52 », « 74.1 ».
"""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

NBSP = "\u00a0"
DAYS = [
    gettext_lazy("lundi"), gettext_lazy("mardi"), gettext_lazy("mercredi"), gettext_lazy("jeudi"), gettext_lazy("vendredi"),
    gettext_lazy("samedi"), gettext_lazy("dimanche"),
]  # fmt: skip
SHORT_DAYS = [
    gettext_lazy("lun."), gettext_lazy("mar."), gettext_lazy("mer."), gettext_lazy("jeu."), gettext_lazy("ven."),
    gettext_lazy("sam."), gettext_lazy("dim."),
]  # fmt: skip
MONTHS = [
    gettext_lazy("janvier"),
    gettext_lazy("février"),
    gettext_lazy("mars"),
    gettext_lazy("avril"),
    gettext_lazy("mai"),
    gettext_lazy("juin"),
    gettext_lazy("juillet"),
    gettext_lazy("août"),
    gettext_lazy("septembre"),
    gettext_lazy("octobre"),
    gettext_lazy("novembre"),
    gettext_lazy("décembre"),
]
SHORT_MONTHS = [
    pgettext_lazy("short", "janv."),
    pgettext_lazy("short", "févr."),
    pgettext_lazy("short", "mars"),
    pgettext_lazy("short", "avril"),
    pgettext_lazy("short", "mai"),
    pgettext_lazy("short", "juin"),
    pgettext_lazy("short", "juill."),
    pgettext_lazy("short", "août"),
    pgettext_lazy("short", "sept."),
    pgettext_lazy("short", "oct."),
    pgettext_lazy("short", "nov."),
    pgettext_lazy("short", "déc."),
]


def now() -> datetime:
    """Local now; tests replace it."""
    return timezone.localtime()


def local(value: date | datetime) -> datetime | date:
    """In the region's zone (nothing activates another one: asking for the current one costs more than the conversion)."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.get_default_timezone())
    return value


def as_day(value: date | datetime) -> date:
    value = local(value)
    return value.date() if isinstance(value, datetime) else value


def hour(value: datetime) -> str:
    """« 8 h 52 », « 12 h »."""
    if not value:
        return ""
    value = local(value)
    if english():
        return f"{value.hour}:{value.minute:02d}"
    if value.minute:
        return f"{value.hour}{NBSP}h{NBSP}{value.minute:02d}"
    return f"{value.hour}{NBSP}h"


def english() -> bool:
    return (get_language() or "").startswith("en")


def number_in_month(day: int) -> str:
    return _("1er") if day == 1 else str(day)


def day(value: date | datetime) -> str:
    """« jeudi 5 mars », with the year when it is another one."""
    if not value:
        return ""
    value = as_day(value)
    text = f"{DAYS[value.weekday()]} {number_in_month(value.day)}{NBSP}{MONTHS[value.month - 1]}"
    return text if value.year == now().year else f"{text}{NBSP}{value.year}"


def short_day(value: date | datetime) -> str:
    """« 3 mars », « 26 févr. »; with the year when it is another one."""
    if not value:
        return ""
    value = as_day(value)
    text = f"{number_in_month(value.day)}{NBSP}{SHORT_MONTHS[value.month - 1]}"
    return text if value.year == now().year else f"{text}{NBSP}{value.year}"


def day_title(value: date | datetime) -> tuple[str, str]:
    """Heading of a day and its detail: (« Aujourd’hui », « jeudi 5 mars »), (« Mardi 3 mars », "")."""
    gap = (now().date() - as_day(value)).days
    text = day(value)
    if gap == 0:
        return _("Aujourd’hui"), text
    if gap == 1:
        return _("Hier"), text
    if gap == -1:
        return _("Demain"), text
    return text[0].upper() + text[1:], ""


def moment(value: datetime) -> str:
    """Past instants in lists: « 8 h 52 », « Hier 17 h 05 », « 2 mars »."""
    if not value:
        return ""
    gap = (now().date() - as_day(value)).days
    if gap == 0:
        return hour(value)
    if gap == 1:
        return f"{_('Hier')} {hour(value)}"
    return short_day(value)


def moment_long(value: datetime) -> str:
    """In a sentence: « aujourd’hui à 8 h 52 », « hier à 17 h 05 », « lundi 2 mars à 18 h 10 »."""
    if not value:
        return ""
    gap = (now().date() - as_day(value)).days
    when = {0: _("aujourd’hui"), 1: _("hier"), -1: _("demain")}.get(gap) or day(value)
    return _("%(day)s à %(hour)s") % {"day": when, "hour": hour(value)}


def soon(value: datetime) -> str:
    """Coming instants: « Auj. 11 h 15 », « Demain 8 h », « Ven. 17 h 30 », « Mar. 10 mars, 11 h »."""
    if not value:
        return ""
    that = as_day(value)
    gap = (that - now().date()).days
    if gap == 0:
        return f"{_('Auj.')} {hour(value)}"
    if gap == 1:
        return f"{_('Demain')} {hour(value)}"
    name = str(SHORT_DAYS[that.weekday()]).capitalize()
    if 1 < gap < 5:
        return f"{name} {hour(value)}"
    return f"{name} {short_day(value)}, {hour(value)}"


def exact(value: date | datetime) -> str:
    """For `title` and screen readers: « jeudi 5 mars 2026 à 8 h 52 »."""
    if not value:
        return ""
    that = as_day(value)
    text = f"{DAYS[that.weekday()]} {number_in_month(that.day)} {MONTHS[that.month - 1]} {that.year}"
    return _("%(day)s à %(hour)s") % {"day": text, "hour": hour(value)} if isinstance(value, datetime) else text


def duration(value: timedelta | int) -> str:
    """« 45 min », « 1 h 30 », « 3 jours »; an int counts minutes."""
    minutes = int(value.total_seconds() // 60) if isinstance(value, timedelta) else int(value)
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours}{NBSP}h{NBSP}{rest:02d}" if rest else f"{hours}{NBSP}h"
    return _("%(n)s jours") % {"n": f"{minutes // 1440}"}


BIRTH = re.compile(r"^(\d{4})(?:-?(\d{2}))?(?:-?(\d{2}))?$")


def birth_parts(value) -> tuple[int, int, int] | None:
    """(year, month or 0, day or 0) of a date, of the text of a partial date, or of an object with `.text`."""
    value = getattr(value, "text", value)
    if isinstance(value, datetime | date):
        return value.year, value.month, value.day
    found = BIRTH.match(str(value or "").strip())
    if not found:
        return None
    return int(found[1]), int(found[2] or 0), int(found[3] or 0)


def birth_date(value) -> str:
    """« 12/04/1941 », « 04/1941 », « 1941 »: as precise as what is known."""
    parts = birth_parts(value)
    if not parts:
        return str(getattr(value, "text", value) or "")
    year, month, number = parts
    if month and number:
        return f"{number:02d}/{month:02d}/{year:04d}"
    return f"{month:02d}/{year:04d}" if month else f"{year:04d}"


def age(born, on: date | None = None) -> str:
    """« 84 ans », « 8 mois » under two years; « environ 86 ans » when only the year is known."""
    parts = birth_parts(born)
    if not parts:
        return ""
    year, month, number = parts
    on = on or now().date()
    years = on.year - year - ((on.month, on.day) < (month or 1, number or 1))
    if not 0 <= years <= 130:
        return ""
    if not month:
        return _("environ %(n)s ans") % {"n": years} if years > 1 else _("moins de 3 ans")
    if years < 2:
        months = (on.year - year) * 12 + on.month - month - (on.day < (number or 1))
        return f"{max(months, 0)}{NBSP}{_('mois')}"
    return f"{years}{NBSP}{_('ans')}"


def phone(value: str) -> str:
    """« 02 61 91 40 27 » for a French number, anything else as it came."""
    digits = re.sub(r"[^\d+]", "", str(value or ""))
    if digits.startswith("+33"):
        digits = "0" + digits[3:].lstrip("0")
    elif digits.startswith("0033"):
        digits = "0" + digits[4:].lstrip("0")
    if re.fullmatch(r"0\d{9}", digits):
        return NBSP.join(digits[i : i + 2] for i in range(0, 10, 2))
    return str(value or "")


def phone_link(value: str) -> str:
    """What stands after `tel:`."""
    return re.sub(r"[^\d+]", "", str(value or ""))


def number(value, decimals: int | None = None) -> str:
    """« 74,1 », « 1 284 », « −0,4 »; without `decimals` as many as the value carries, no trailing zero."""
    if value is None or value == "":
        return ""
    value = Decimal(str(value))
    text = f"{abs(value):,.{decimals}f}" if decimals is not None else f"{abs(value):,f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    if not english():
        text = text.replace(",", NBSP).replace(".", ",")
    return f"−{text}" if value < 0 and text.strip("0,") else text


def size(value: int) -> str:
    """« 340 ko », « 2,4 Mo »."""
    value = int(value or 0)
    if value < 1000:
        return f"{value}{NBSP}{_('octets')}"
    if value < 1_000_000:
        return f"{round(value / 1000)}{NBSP}{_('ko')}"
    return f"{number(round(value / 1_000_000, 1))}{NBSP}{_('Mo')}"


def initials(name: str) -> str:
    """« MT » for Maëlle Tanguy; titles do not count."""
    words = [w for w in re.split(r"[\s\-]+", str(name or "")) if w and w.lower().rstrip(".") not in TITLES]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


TITLES = {"dr", "dre", "pr", "pre", "m", "mme", "mlle"}
