"""What the desk shows. Open requests only, whatever the years behind: a constant number of statements."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import reach
from cercle.people.circles.desks import Desk, opposed_circles
from cercle.people.directory.models import PracticeRole

from . import deadlines
from .models import OrientationRequest
from .vocabulary import Level, Reply, State, Urgency

LANES = (State.RECEIVED, State.PRE_ASSESSMENT, State.ORIENTATION)
MOST = 300  # open requests shown at once; the rest is behind filters


@dataclass
class Board:
    queue: list[OrientationRequest]
    lanes: list[tuple[str, str, list[OrientationRequest]]]
    to_answer: list[OrientationRequest]
    waiting: list[OrientationRequest]
    late: int = 0
    tomorrow: int = 0
    total: int = 0
    week: dict[str, Any] = field(default_factory=dict)
    days: list[tuple[str, list[OrientationRequest]]] = field(default_factory=list)


def board(desk: Desk, params) -> Board:
    rows: QuerySet = (
        OrientationRequest.objects.of(desk.organization).open().exclude(patient_id__in=opposed_circles(desk))
    )
    rows = rows.select_related("assigned_role__practitioner", "patient__identity", "team")
    if params.get("qui") == "moi":
        rows = rows.filter(assigned_role_id=desk.practice_role_id)
    elif params.get("qui") == "personne":
        rows = rows.filter(assigned_role=None)
    if (team := params.get("equipe", "")) and len(team) == 36:
        rows = rows.filter(team_id=team)
    if params.get("urgence") in {"1", "2"}:
        rows = rows.filter(urgency=int(params["urgence"]))
    found = list(rows.order_by("due_at", "id")[:MOST])
    now = timezone.now()
    for row in found:
        decorate(row, now)
    tomorrow = timezone.localdate() + timedelta(days=1)
    result = Board(
        queue=found,
        lanes=[(s, State(s).label, [r for r in found if r.state == s]) for s in LANES],
        to_answer=[r for r in found if r.state == State.TO_ANSWER],
        waiting=[r for r in found if r.state == State.WAITING],
        late=sum(r.due_at <= now for r in found),
        tomorrow=sum(timezone.localdate(r.due_at) == tomorrow for r in found),
        total=len(found),
        week=week(desk),
    )
    days: dict = {}
    for row in found:
        days.setdefault(max(timezone.localdate(row.due_at), timezone.localdate()), []).append(row)
    result.days = [(" · ".join(x for x in french.day_title(day) if x), some) for day, some in sorted(days.items())]
    return result


def decorate(row: OrientationRequest, now=None) -> None:
    now = now or timezone.now()
    local = french.local(now)
    words = deadlines.words(row.due_at, local)
    row.is_late = row.due_at <= now
    row.is_soon = not row.is_late and timezone.localdate(row.due_at) <= timezone.localdate() + timedelta(days=1)
    row.when = words
    row.when_long = words if row.is_late else _("répondre avant %(when)s") % {"when": words}
    row.when_short = _("%(for)s de retard") % {"for": deadlines.lateness(now - row.due_at)} if row.is_late else words
    row.level_word = {1: _("Information"), 2: _("Appui"), 3: _("Intensif")}.get(row.level or 0, row.get_kind_display())
    row.age = (
        french.age(row.person_birth_date)
        if row.person_birth_date
        else (french.age(row.patient.identity.birth_date) if row.patient_id else "")
    )
    row.short_words = row.reason_text.split("\n")[0][:80] or row.get_reason_display()
    row.asker_words = ", ".join(x for x in (row.asker_name, row.asker_detail) if x)


WEEK = """SELECT count(*) FILTER (WHERE received_at >= %(since)s),
  count(*) FILTER (WHERE closed_at >= %(since)s AND answered_at IS NOT NULL),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answered_at - received_at)) FILTER (WHERE closed_at >= %(since)s)
FROM (
  SELECT received_at, closed_at, answered_at FROM orientation_orientationrequest
  WHERE organization_id = %(org)s AND received_at >= %(since)s
  UNION ALL
  SELECT received_at, closed_at, answered_at FROM orientation_orientationrequest
  WHERE organization_id = %(org)s AND state = 'closed' AND closed_at >= %(since)s AND received_at < %(since)s
) w"""


def week(desk: Desk) -> dict:
    monday = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
    since = timezone.make_aware(datetime.combine(monday, time.min))
    with connection.cursor() as cursor:
        cursor.execute(WEEK, {"org": desk.organization.pk, "since": since})
        received, closed, median = cursor.fetchone()
    days = f"{float(median) / 86400:.1f}".replace(".", ",") if median is not None else "–"
    return {"received": received, "closed": closed, "median": days}


REPLY_CHIPS = {
    Reply.SENT: ("wait", "send"), Reply.RECEIVED: ("info", "check"), Reply.WAITING: ("wait", "clock"),
    Reply.ACCEPTED: ("done", "circle-check"), Reply.REFUSED: ("urgent", "circle-x"), Reply.CANCELLED: ("line", "ban"),
}  # fmt: skip


def detail(desk: Desk, row: OrientationRequest) -> dict:
    decorate(row)
    response = (
        Response.objects.filter(subject_ref=row.pk).select_related("questionnaire").order_by("-recorded_at").first()
    )
    first = row.steps.order_by("at", "id").first()
    return {
        "row": row,
        "levels": Level.choices,
        "steps": list(row.steps.order_by("-at", "-id")[:40]),
        "first": first,
        "solicitations": [(s, *REPLY_CHIPS[s.state]) for s in row.solicitations.order_by("asked_at")],
        "pairs": pairs(response) if response else [],
        "response": response,
        "in_circle": bool(row.patient_id and reach(desk.viewer, row.patient_id)),
        "urgency": Urgency(row.urgency).label,
    }


def pairs(response: Response) -> list[tuple[str, str]]:
    """Question and answer of a completed or begun form, as short pairs."""
    found: list[tuple[str, str]] = []

    def walk(items):
        for item in items:
            values = []
            for a in item.get("answer", []):
                value = next((v for k, v in a.items() if k.startswith("value")), "")
                if isinstance(value, dict):
                    value = value.get("display") or value.get("value") or value.get("code") or ""
                values.append(_("oui") if value is True else _("non") if value is False else str(value))
            if any(values):
                found.append((item.get("text", item.get("linkId", "")), ", ".join(v for v in values if v)))
            walk(item.get("item", []))

    walk(response.data.get("item", []))
    return found


def colleagues(desk: Desk) -> QuerySet:
    return (
        PracticeRole.objects.filter(organization=desk.organization, ended_at=None)
        .select_related("practitioner").order_by("practitioner__sort")
    )  # fmt: skip
