"""Places as people type them and as registers code them: « Quimper (29232) », « Algérie (99352) »."""

import re

from cercle.base.common.text import name_key
from cercle.people.directory.models import Commune, Country, HistoricCommune

UNKNOWN = "99999"
_CODED = re.compile(r"^\s*(?P<name>.*?)\s*\((?P<code>\d{5}|2[AB]\d{3})\)\s*$", re.IGNORECASE)


def find(text: str, limit: int = 12) -> list[tuple[str, str]]:
    """(code, name): communes of today, then of the past, then countries."""
    key = name_key(text)
    if len(key) < 2:
        return []
    found: dict[str, str] = {c.code: c.name for c in Commune.objects.find(text, limit=limit)}
    within = {"key__gte": key, "key__lt": key + "\U0010ffff"}
    for model in (Country, HistoricCommune):
        for code, name in model.objects.filter(**within).order_by("key").values_list("code", "name")[:limit]:
            found.setdefault(code, name)
    return list(found.items())[:limit]


def name_of(code: str) -> str:
    """The name of a coded place, or "" when no table has it."""
    for model in (Commune, Country, HistoricCommune):
        if name := model.objects.filter(code=code).values_list("name", flat=True).first():
            return name
    return ""


def read(text: str) -> tuple[str, str] | None:
    """(code, name) of what was typed: a coded line of the list, or a name that only one place bears. Else None."""
    if coded := _CODED.match(text):
        code = coded["code"].upper()
        if code == UNKNOWN:
            return code, coded["name"]
        name = name_of(code)
        return (code, name) if name else None
    key = name_key(text)
    # The past answers only where today does not: a commune that changed its code is one place.
    for model in (Commune, Country, HistoricCommune):
        same = dict(model.objects.filter(key=key).values_list("code", "name").distinct())
        if len(same) == 1:
            return next(iter(same.items()))
        if same:
            return None
    return None


def commune_code(name: str, postal_code: str) -> str:
    """INSEE code of where someone lives, when name and postal code leave no doubt."""
    key = name_key(name)
    if not key:
        return ""
    rows = Commune.objects.filter(key=key, kind="COM")
    if postal_code:
        rows = rows.filter(postal_codes__contains=[postal_code])
    codes = set(rows.values_list("code", flat=True)[:2])
    return codes.pop() if len(codes) == 1 else ""


def shown(code: str, label: str) -> str:
    return f"{label} ({code})" if code else label
