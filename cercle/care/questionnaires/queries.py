"""Reads: a circle's answers, the trend of a repeated score, two dates side by side."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Length
from django.utils.translation import gettext as _

from cercle.base.common.text import name_key
from cercle.people.directory.models import Code

from . import rendering, shape
from .models import Questionnaire, Response


@dataclass(frozen=True)
class Point:
    response_id: UUID
    at: datetime
    value: float | int
    label: str


@dataclass
class Series:
    slug: str
    title: str
    points: list[Point] = field(default_factory=list)

    @property
    def values(self) -> list:
        return [p.value for p in self.points]

    @property
    def last(self) -> Point:
        return self.points[-1]


def score_label(response: Response) -> str:
    """« GIR estimé 3 », « 12 sur 15 », or nothing."""
    scores = response.scores or {}
    if "gir" in scores:
        return _("GIR estimé %(n)s") % {"n": scores["gir"]}
    if "value" not in scores:
        return ""
    from cercle.base.web.french import number

    found = number(scores["value"])
    if scores.get("sur"):
        found = _("%(n)s sur %(most)s") % {"n": found, "most": number(scores["sur"])}
    return f"{found} · {scores['interpretation']}" if scores.get("interpretation") else found


def trend(circle, code: str, *, acting=None) -> list[Point]:
    """The score of one form (its slug) over time, oldest first. `circle`: a Circle or its id.

    With `acting`: what she may see. Without: the caller has passed a gate of its own (a coordination file).
    """
    rows = Response.objects.visible_to(acting) if acting is not None else Response.objects.filter(circle=circle)
    found = (
        rows.finished().filter(questionnaire__slug=code).order_by("finished_at", "id").select_related("questionnaire")
    )
    return [
        Point(r.pk, r.finished_at, r.scores["value"], score_label(r))
        for r in found.defer("data", "typed", "questionnaire__data")
        if "value" in r.scores
    ]


def responses(acting) -> list[Response]:
    """All that this person may see of the circle, newest first; questions and answers themselves are not read."""
    return list(
        Response.objects.visible_to(acting)
        .select_related("questionnaire")
        .defer("data", "typed", "questionnaire__data")
        .order_by("-saved_at")[:200]
    )


def series(rows: list[Response]) -> list[Series]:
    """Scores that were taken more than once, by form."""
    by_slug: dict[str, Series] = {}
    for row in sorted(
        (r for r in rows if r.finished_at and "value" in r.scores), key=lambda r: (r.finished_at, str(r.pk))
    ):
        one = by_slug.setdefault(row.questionnaire.slug, Series(row.questionnaire.slug, row.questionnaire.title))
        one.points.append(Point(row.pk, row.finished_at, row.scores["value"], score_label(row)))
    return [one for one in by_slug.values() if len(one.points) > 1]


def offered(acting) -> list[Questionnaire]:
    """Forms that this person may fill in here."""
    return list(Questionnaire.objects.active().filter(category__in=acting.writable).defer("data").order_by("title"))


def codes(name: str, text: str) -> list[dict]:
    """Codes of a set of the directory that hold every word typed, the shortest labels first."""
    words = [w for w in name_key(text.replace("’", "'")).split() if w][:6]
    if not words:
        return []
    rows = Code.objects.filter(set__name=name, ended_on=None)
    for word in words:
        rows = rows.filter(key__contains=word)
    return [shape.coding_of(c) for c in rows.order_by(Length("label"), "code")[:20]]


def lines(response: Response) -> list[dict]:
    return rendering.readable(shape.read(response.questionnaire.data), response.items)


def compared(first: Response, second: Response) -> list[dict]:
    """Both answers line by line, in the order of the newest form: {label, kind, depth, first, second, differs}."""
    a, b = lines(first), lines(second)
    theirs: dict[tuple, list[dict]] = defaultdict(list)
    for line in a:
        theirs[line["link"], line["kind"]].append(line)
    found = []
    for line in b:
        mine = theirs.get((line["link"], line["kind"])) or []
        other = mine.pop(0) if mine else None
        found.append(_pair(line, other, line))
    for left in theirs.values():  # asked or answered then, no longer
        found += [_pair(line, line, None) for line in left if line["kind"] == "answer"]
    return found


def _pair(line: dict, first: dict | None, second: dict | None) -> dict:
    told = (first or {}).get("answers", []), (second or {}).get("answers", [])
    return {
        "label": line["label"], "kind": line["kind"], "depth": line["depth"], "first": told[0], "second": told[1],
        "differs": line["kind"] == "answer" and told[0] != told[1],
    }  # fmt: skip
