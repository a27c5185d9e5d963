"""What the values of a dimension are called on screen."""

import importlib
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.web import french
from cercle.people.directory import nomenclature
from cercle.people.directory.models import Commune, Organization, PracticeRole, Team

from .indicator import Indicator
from .sources import DIMENSIONS

FIXED: dict[str, dict[str, Any]] = {
    "level": {"1": gettext_lazy("1 Information"), "2": gettext_lazy("2 Appui"), "3": gettext_lazy("3 Suivi intensif")},
    "sex": {"F": gettext_lazy("Femmes"), "M": gettext_lazy("Hommes"), "I": gettext_lazy("Indéterminé")},
    "age": {
        "0-59": gettext_lazy("moins de 60 ans"), "60-74": gettext_lazy("60 à 74 ans"),
        "75-84": gettext_lazy("75 à 84 ans"), "85+": gettext_lazy("85 ans et plus"),
    },
    "gir": {str(n): gettext_lazy("GIR estimé %s") % n for n in range(1, 7)},
    "yes": {"yes": gettext_lazy("oui"), "no": gettext_lazy("non")},
    "category": {
        "medical": gettext_lazy("médical"), "nursing": gettext_lazy("soins"), "social": gettext_lazy("social"),
        "administrative": gettext_lazy("administratif"), "psychological": gettext_lazy("psychologique"),
        "appointments": gettext_lazy("rendez-vous"), "documents": gettext_lazy("documents"),
    },
}  # fmt: skip
# The closed lists of the desk, by the class that names them.
DESK = {
    "asker_kind": "AskerKind", "channel": "Channel", "reason": "Reason", "urgency": "Urgency", "outcome": "Outcome",
}  # fmt: skip


@cache
def _choices(words: str) -> dict[str, Any]:
    if words in FIXED:
        return FIXED[words]
    if words not in DESK and "." not in words:
        return {}
    path, name = ("cercle.care.orientation.vocabulary", DESK[words]) if words in DESK else words.rsplit(".", 1)
    try:
        return {str(value): label for value, label in getattr(importlib.import_module(path), name).choices}
    except (ImportError, AttributeError):
        return {}


def is_closed(dimension: str) -> bool:
    return bool(_choices(DIMENSIONS[dimension].words))


def of(dimension: str, values: Iterable[Any]) -> dict[Any, str]:
    """{value: what it is called}; None and "" are « non renseigné »."""
    found = {value: _("non renseigné") for value in values if value in (None, "")}
    rest = [value for value in values if value not in (None, "")]
    words = DIMENSIONS[dimension].words
    named: dict[Any, str]
    match words:
        case "team":
            named = {t.pk: t.name for t in Team.objects.filter(pk__in=rest)}
        case "organization":
            named = {o.pk: o.display_name for o in Organization.objects.filter(pk__in=rest)}
        case "role":
            rows = PracticeRole.objects.filter(pk__in=rest).select_related("practitioner")
            named = {r.pk: str(r.practitioner) for r in rows}
        case "commune":
            named = dict(Commune.objects.filter(kind="COM", code__in=rest).values_list("code", "name"))
        case "profession":
            named = {v: _profession(v) for v in rest}
        case _:
            table = _choices(words)
            named = {v: str(table.get(str(v), v)) for v in rest}
    return found | {v: str(named.get(v, v)) for v in rest}


def _profession(value: str) -> str:
    system, _sep, code = value.partition(":")
    found = nomenclature.profession(system, code)
    return found.noun.capitalize() if found else value


def order(dimension: str, values: Iterable[Any]) -> list[Any]:
    """In the order of the closed list when there is one; « non renseigné » last."""
    table = list(_choices(DIMENSIONS[dimension].words))

    def rank(value):
        text = "" if value is None else str(value)
        return (text == "", table.index(text) if text in table else len(table), text)

    return sorted(values, key=rank)


def number(value: float | None, decimals: int = 0) -> str:
    """« 1 234,5 »."""
    if value is None:
        return "–"
    text = f"{value:,.{decimals}f}"
    return text.replace(",", french.NBSP).replace(".", ",")


def said(indicator: Indicator, value: float | None) -> str:
    """With its unit: « 1,6 jours », « 96 % »."""
    text = number(value, indicator.decimals)
    if value is None or not indicator.unit:
        return text
    unit = str(indicator.unit)
    if abs(value) < 2:
        unit = {_("jours"): _("jour"), _("heures"): _("heure")}.get(unit, unit)
    return f"{text}{french.NBSP}{unit}"


def step(day: date, size: str) -> str:
    """« S50 », « mars », « T1 »."""
    if size == "quarter":
        return _("T%d") % ((day.month + 2) // 3)
    if size == "week":
        return _("S%d") % day.isocalendar().week
    return str(french.SHORT_MONTHS[day.month - 1])
