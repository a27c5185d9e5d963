"""Search parameters: what was asked, as conditions on our rows.

A parameter is one of the small classes below, given in its resource's `params`. `:missing`, « or » by commas, « and » by repeats,
chains (`subject:Patient.identifier`) and `_has` are common to all; an unknown parameter is refused (handling=strict) or said in
the answer and left aside.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common.text import name_key

from .shape import reject

if TYPE_CHECKING:
    from .access import Access

NOTHING = Q(pk__in=[])
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
LONGEST = 2000  # characters of one value
MOST_VALUES = 60  # of one parameter, by commas
DEEPEST = 4  # links of a chain: each is a query inside the other


def split(value: str) -> list[str]:
    """Commas separate, `\\,` does not."""
    return [re.sub(r"\\([,|$\\])", r"\1", part) for part in re.split(r"(?<!\\),", value) if part != ""]


class Param(ABC):
    """One search parameter. `q(access, values, modifier)` is true for a row when any of the values holds."""

    kind = "string"
    modifiers: tuple[str, ...] = ()
    targets: dict[str, str] = {}

    @abstractmethod
    def q(self, access: "Access", values: list[str], modifier: str) -> Q: ...

    def missing(self) -> Q | None:
        """The condition « has no value », when it can be asked."""
        return None


@dataclass
class Words(Param):
    """Names: the beginning by default, without case nor accents. `fields`: columns that hold `name_key`."""

    fields: tuple[str, ...]
    kind = "string"
    modifiers = ("exact", "contains")
    raw: tuple[str, ...] = ()  # columns as written, for :exact
    key: Callable[[str], str] = name_key  # what the columns hold

    def q(self, access, values, modifier):
        found = NOTHING
        for value in values:
            if modifier == "exact":
                for name in self.raw or self.fields:
                    found |= Q(**{name: value})
                continue
            key = self.key(value)
            if not key:
                continue
            for name in self.fields:
                found |= Q(**{f"{name}__contains" if modifier == "contains" else f"{name}__startswith": key})
        return found


@dataclass
class Token(Param):
    """`system|code`. `find(system, code)` gives the condition; system None when not said, "" for « none »."""

    find: Callable[[str | None, str], Q]
    kind = "token"
    modifiers = ("not",)

    def q(self, access, values, modifier):
        found = NOTHING
        for value in values:
            system, bar, code = value.partition("|")
            found |= self.find(system if bar else None, code if bar else value)
        return ~found if modifier == "not" else found


@dataclass
class When(Param):
    """A date or an instant with its precision; `low` and `high` are the same column for a point in time."""

    low: str
    high: str = ""
    dates: bool = False  # columns of days, not of instants
    kind = "date"

    def q(self, access, values, modifier):
        found = NOTHING
        for value in values:
            found |= self._one(value)
        return found

    def _one(self, value: str) -> Q:
        prefix, said = (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)
        start, end = self._bounds(said)
        low, high = self.low, self.high or self.low
        still = Q(**{f"{high}__isnull": True}) if self.high else NOTHING
        if prefix in ("eq", "ap"):
            return Q(**{f"{low}__lt": end}) & (Q(**{f"{high}__gte": start}) | still)
        if prefix == "ne":
            return ~(Q(**{f"{low}__lt": end}) & (Q(**{f"{high}__gte": start}) | still))
        if prefix in ("gt", "sa"):
            return Q(**{f"{high if prefix == 'gt' else low}__gte": end}) | (still if prefix == "gt" else NOTHING)
        if prefix in ("lt", "eb"):
            return Q(**{f"{low if prefix == 'lt' else high}__lt": start})
        if prefix == "ge":
            return Q(**{f"{high}__gte": start}) | still
        return Q(**{f"{low}__lt": end})

    def _bounds(self, said: str) -> tuple[Any, Any]:
        start, end = interval(said)
        if not self.dates:
            return start, end
        last = timezone.localtime(end - timedelta(microseconds=1)).date()
        return timezone.localtime(start).date(), last + timedelta(days=1)

    def missing(self):
        return Q(**{f"{self.low}__isnull": True})


@dataclass
class Ref(Param):
    """A reference to another resource. `to`: type of resource to the column that holds its id, or to ids → condition."""

    to: dict[str, Any]
    identifier: bool = True
    kind = "reference"

    @property
    def targets(self):  # type: ignore[override]
        return self.to

    def q(self, access, values, modifier):
        """`modifier`: a type, or "identifier"."""
        from .registry import TYPES

        found = NOTHING
        for value in values:
            if modifier == "identifier":
                one = [value]
                for name in self.to:
                    found |= self._held(
                        access, name, lambda t, one=one: t.params["identifier"].q(access, one, ""), "identifier"
                    )
                continue
            type_, id_ = reference(value)
            for name, column in self.to.items():
                if (type_ and type_ != name) or (modifier and modifier != name):
                    continue
                for target in TYPES[name].both():
                    if (pk := target.known_id(access, id_)) is not None:
                        found |= column([pk]) if callable(column) else Q(**{column: pk})
        return found

    def _held(self, access, name: str, where: Callable[[Any], Q], code: str) -> Q:
        """Rows that refer to those of this type for which `where` holds."""
        from .registry import TYPES

        found, column = NOTHING, self.to[name]
        for target in TYPES[name].both():
            if code in target.params:
                ids = target.rows(access).filter(where(target)).order_by().values("pk")
                found |= column(ids) if callable(column) else Q(**{f"{column}__in": ids})
        return found

    def chained(self, access, name: str, type_: str, value: str) -> Q:
        """`author:Practitioner.name=…`, `patient.identifier=…`; the chain may go on."""
        from .registry import TYPES

        wanted = [t for t in self.to if not type_ or t == type_]
        first = name.partition(".")[0].partition(":")[0]
        known = [t for t in wanted if any(first in side.params for side in TYPES[t].both())]
        if not known:
            raise reject(name[:60], _("ce chemin de recherche n’est pas connu."), "not-supported")
        found = NOTHING
        for target in known:
            found |= self._held(access, target, lambda side: condition(side, access, name, value), first)
        return found


@dataclass
class Computed(Param):
    """Anything else: `find(access, value)`."""

    find: Callable[[Any, str], Q]
    kind: str = "special"

    def q(self, access, values, modifier):
        found = NOTHING
        for value in values:
            found |= self.find(access, value)
        return found


def condition(type_, access, name: str, value: str) -> Q:
    """One parameter with its value. Raises Rejected."""
    if len(value) > LONGEST or len(values := split(value)) > MOST_VALUES or name.count(".") > DEEPEST:
        raise reject(name[:40], _("valeur trop longue."), "too-long")
    if "\x00" in value:
        raise reject(name[:40], _("cette valeur ne se lit pas."), "value")
    head, dot, rest = name.partition(".")
    code, _colon, modifier = head.partition(":")
    param = type_.params.get(code)
    if param is None:
        raise reject(name[:60], _("paramètre de recherche inconnu."), "not-supported")
    if dot:
        if not isinstance(param, Ref):
            raise reject(name[:60], _("ce paramètre ne se chaîne pas."), "not-supported")
        return param.chained(access, rest, modifier, value)
    if modifier == "missing":
        empty = param.missing()
        if empty is None:
            raise reject(name[:60], _("« :missing » n’est pas disponible ici."), "not-supported")
        return empty if value == "true" else ~empty
    allowed = (*param.modifiers, *(("identifier", *param.targets) if isinstance(param, Ref) else ()))
    if modifier and modifier not in allowed:
        raise reject(name[:60], _("ce modificateur n’est pas disponible ici."), "not-supported")
    return param.q(access, values, modifier)


def reference(said: str) -> tuple[str, str]:
    """(type or "", id) of « Patient/12 », « 12 », or an absolute URL."""
    words = said.partition("/_history/")[0].rstrip("/").split("/")
    return (words[-2], words[-1]) if len(words) > 1 else ("", words[0])


def as_uuid(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None


def interval(said: str) -> tuple[datetime, datetime]:
    """[start, end[ of a date of any precision; without a zone, that of the deployment. Raises Rejected."""
    said = said.replace(" ", "+")  # a « + » lost on the way
    try:
        if found := re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", said, re.ASCII):
            year, month, day = int(found[1]), found[2], found[3]
            first = date(year, int(month or 1), int(day or 1))
            if day:
                last = first + timedelta(days=1)
            elif month:
                last = date(year + (first.month == 12), first.month % 12 + 1, 1)
            else:
                last = date(year + 1, 1, 1)
            zone = timezone.get_current_timezone()
            return datetime.combine(first, clock(), zone), datetime.combine(last, clock(), zone)
        moment = datetime.fromisoformat(said)
    except (ValueError, OverflowError):
        raise reject("date", _("cette date ne se lit pas."), "value") from None
    if moment.tzinfo is None:
        moment = timezone.make_aware(moment)
    if re.search(r"\.\d+", said):
        return moment, moment + timedelta(milliseconds=1)
    seconds = len(re.findall(r":\d\d", said.partition("+")[0].partition("Z")[0])) >= 2
    return moment, moment + (timedelta(seconds=1) if seconds else timedelta(minutes=1))
