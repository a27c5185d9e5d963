"""What the apps below know of the same person, for « où en est-on ? »: next appointments, trend of the scores."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.care.agenda import queries as agenda
from cercle.care.agenda.models import Appointment
from cercle.care.agenda.vocabulary import Kind
from cercle.care.questionnaires import queries as questionnaires

from .models import CoordinationFile, Handover

WIDTH, HEIGHT, LEFT = 396, 92, 50  # of the chart, in its own units


@dataclass
class Chart:
    """The estimated GIR, step by step: a level holds until the next grid."""

    words: str
    path: str
    dots: list[tuple[float, float]]
    lines: list[tuple[float, str]]  # height, « GIR 4 »
    dates: list[tuple[float, str]]
    rows: list[tuple[Any, Any]]  # the same as a table


def of(acting) -> dict:
    """Nothing outside the circle: these belong to it."""
    if acting is None:
        return {"appointments": [], "trends": [], "chart": None}
    series = questionnaires.series(questionnaires.responses(acting))
    aggir = next((s for s in series if s.slug == "aggir"), None)
    trends = [{"label": s.title, "values": s.values[-8:], "last": s.last.label} for s in series if s is not aggir]
    return {
        "appointments": agenda.upcoming(acting, 3),
        "trends": trends[: 2 if aggir else 4],
        "chart": chart(aggir.points[-6:]) if aggir else None,
    }


@dataclass(frozen=True, slots=True)
class Visit:
    at: datetime
    title: str
    file: CoordinationFile


def visits_of(handover: Handover, files: list[CoordinationFile]) -> list[Visit]:
    """What whoever is away had placed about these people while somebody else answers for them: it is listed, not moved.

    Of the structure's own agenda, and nothing that its author masked.
    """
    known = {f.patient_id: f for f in files if not f.is_closed}
    rows = Appointment.objects.standing().filter(
        entries__calendar__practice_role=handover.from_role_id, organization_id=handover.organization_id, hidden=0,
        circle_id__in=known, starts_at__gte=timezone.now(), rrule="",
    )  # fmt: skip
    if handover.until:
        rows = rows.filter(starts_at__date__lte=handover.until)
    words = [(a, a.title or str(Kind(a.kind).label)) for a in rows.order_by("starts_at")[:100]]
    return [Visit(a.starts_at, title, known[a.circle_id]) for a, title in words]


def chart(points) -> Chart:
    values = [int(p.value) for p in points]
    low, high = min(values), max(values)
    if low == high:
        low, high = max(1, low - 1), min(6, high + 1)
    step = (HEIGHT - 34) / (high - low)
    # GIR 1 is the heaviest dependency: it is at the bottom.
    height = {v: round(8 + (high - v) * step, 1) for v in range(low, high + 1)}
    begin, end = points[0].at, points[-1].at
    span = (end - begin).total_seconds() or 1
    xs = [round(LEFT + 12 + (WIDTH - LEFT - 34) * (p.at - begin).total_seconds() / span, 1) for p in points]
    path, at = "", 0.0
    for x, v in zip(xs, values, strict=True):
        path += f"M{x} {height[v]}" if not path else f"H{x}V{height[v]}"
        at = x
    trend = _("stable") if values[0] == values[-1] else (
        _("la dépendance augmente") if values[-1] < values[0] else _("la dépendance diminue")
    )  # fmt: skip
    steps = [v for i, v in enumerate(values) if i == 0 or values[i - 1] != v]
    said = _(", puis ").join(str(v) for v in steps)
    dates, last = [], -99.0
    for x, p in zip(xs, points, strict=True):
        if x - last >= 58 and (x == at or at - x >= 58):
            dates.append((x, french.short_day(p.at)))
            last = x
    return Chart(
        words=_("%(steps)s\u00a0: %(trend)s") % {"steps": said, "trend": trend},
        path=path,
        dots=list(zip(xs, (height[v] for v in values), strict=True)),
        lines=[(y, f"GIR {v}") for v, y in height.items()],
        dates=dates,
        rows=[(p.at, p.label) for p in reversed(points)],
    )
