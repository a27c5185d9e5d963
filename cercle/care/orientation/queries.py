"""What the desk shows. Open requests only, whatever the years behind: a constant number of statements."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.base.web import french
from cercle.care.agenda.queries import absent
from cercle.care.coordination.models import CoordinationFile
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import reach, visible_rows
from cercle.people.circles.desks import Desk, opposed_circles
from cercle.people.directory.models import PracticeRole, SearchKey, Team
from cercle.people.patients import duplicates
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from . import allocation, deadlines
from .models import OrientationRequest, SavedFilter
from .vocabulary import Level, Reply, State, Urgency

LANES = (State.RECEIVED, State.PRE_ASSESSMENT, State.ORIENTATION)
VIEWS = ("liste", "tableau", "calendrier")
MOST = 300  # open requests shown at once; the rest is behind filters
WEEKS = 4  # of the calendar of deadlines
FOUND = 50


# --- Filters -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filters:
    """What the address says, cleaned: `vue`, `qui` (moi, personne), `equipe` (an id, or « aucune »), `urgence` (1, 2)."""

    view: str = "tableau"
    who: str = ""
    team: str = ""
    urgency: str = ""

    @classmethod
    def read(cls, params: QueryDict) -> "Filters":
        team = params.get("equipe", "")
        return cls(
            view=v if (v := params.get("vue", "")) in VIEWS else "tableau",
            who=w if (w := params.get("qui", "")) in ("moi", "personne") else "",
            team=team if team == "aucune" or is_uuid(team) else "",
            urgency=u if (u := params.get("urgence", "")) in ("1", "2") else "",
        )

    def query(self, **change: str) -> str:
        """« ?vue=liste&qui=moi », or "" when nothing is chosen."""
        asked = {
            "vue": "" if self.view == "tableau" else self.view,
            "qui": self.who,
            "equipe": self.team,
            "urgence": self.urgency,
        }
        asked = {k: v for k, v in (asked | change).items() if v}
        return f"?{urlencode(asked)}" if asked else ""

    @property
    def narrow(self) -> bool:
        return bool(self.who or self.team or self.urgency)


@dataclass(frozen=True)
class Choice:
    """A chip or a line of a menu: where it leads, and whether one is there."""

    label: str
    url: str
    on: bool
    icon: str = ""


def choices(desk: Desk, filters: Filters, address: str) -> dict[str, Any]:
    teams = list(Team.objects.open().filter(organization=desk.organization).order_by("name"))

    def to(**change: str) -> str:
        return address + filters.query(**change)

    labels = {
        "liste": (_("Liste"), "list"),
        "tableau": (_("Tableau"), "square-kanban"),
        "calendrier": (_("Échéances"), "calendar-days"),
    }
    territory = [Choice(_("Tous les territoires"), to(equipe=""), not filters.team)]
    territory += [Choice(t.name, to(equipe=str(t.pk)), filters.team == str(t.pk)) for t in teams]
    territory.append(Choice(_("Hors de nos territoires"), to(equipe="aucune"), filters.team == "aucune"))
    saved = SavedFilter.objects.filter(user_id=desk.user_id, organization=desk.organization).order_by("name")
    here = filters.query().removeprefix("?")
    return {
        "views": [Choice(label, to(vue="" if v == "tableau" else v), filters.view == v, icon) for v, (label, icon) in labels.items()],
        "mine": Choice(_("Mes demandes"), to(qui="" if filters.who == "moi" else "moi"), filters.who == "moi", "list-filter"),
        "nobodys": Choice(_("À confier"), to(qui="" if filters.who == "personne" else "personne"), filters.who == "personne", "user-plus"),
        "urgent": Choice(_("Urgentes"), to(urgence="" if filters.urgency == "2" else "2"), filters.urgency == "2", "zap"),
        "territory": territory,
        "territory_here": next((c.label for c in territory if c.on), territory[0].label),
        "saved": [(s, Choice(s.name, address + f"?{s.query}", s.query == here, "star")) for s in saved],
    }  # fmt: skip


# --- The board ---------------------------------------------------------------------------------------------------------


@dataclass
class Board:
    queue: list[OrientationRequest]
    lanes: list[tuple[str, str, list[OrientationRequest]]]
    to_answer: list[OrientationRequest]
    waiting: list[OrientationRequest]
    late: int = 0
    tomorrow: int = 0
    total: int = 0
    cut: bool = False
    week: dict[str, Any] = field(default_factory=dict)


def open_to(desk: Desk) -> QuerySet:
    """The structure's requests, those of the people who refused this professional or this structure left out."""
    return OrientationRequest.objects.of(desk.organization).exclude(patient_id__in=opposed_circles(desk))


def board(desk: Desk, filters: Filters) -> Board:
    rows = open_to(desk).open().select_related("assigned_role__practitioner", "patient__identity", "team")
    if filters.who == "moi":
        ids = list(colleagues(desk).values_list("pk", flat=True))
        rows = rows.filter(
            assigned_role__in=[desk.practice_role_id, *allocation.covered_by(desk.practice_role_id, ids)]
        )
    elif filters.who == "personne":
        rows = rows.filter(assigned_role=None)
    if filters.team:
        rows = rows.filter(team=None) if filters.team == "aucune" else rows.filter(team_id=filters.team)
    if filters.urgency:
        rows = rows.filter(urgency=int(filters.urgency))
    found = list(rows.order_by("due_at", "id")[: MOST + 1])
    cut, found = len(found) > MOST, found[:MOST]
    now = timezone.now()
    for row in found:
        decorate(row, now)
    tomorrow = timezone.localdate() + timedelta(days=1)
    return Board(
        queue=found,
        lanes=[(s, State(s).label, [r for r in found if r.state == s]) for s in LANES],
        to_answer=[r for r in found if r.state == State.TO_ANSWER],
        waiting=[r for r in found if r.state == State.WAITING],
        late=sum(r.due_at <= now for r in found),
        tomorrow=sum(timezone.localdate(r.due_at) == tomorrow for r in found),
        total=len(found),
        cut=cut,
        week=week(desk),
    )


@dataclass
class Day:
    on: date
    rows: list[OrientationRequest]
    title: str
    closed: bool  # no answer is ever due on such a day
    today: bool
    past: bool


def calendar(desk: Desk, found: Iterable[OrientationRequest], setting) -> dict[str, Any]:
    """Weeks of deadlines, Monday to Friday (Saturday and Sunday when something falls there); what is late, what is later."""
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    last = monday + timedelta(days=7 * WEEKS)
    by_day: dict[date, list] = {}
    late, later = [], []
    for row in found:
        day = timezone.localdate(row.due_at)
        if row.is_late:
            late.append(row)
        elif day >= last:
            later.append(row)
        else:
            by_day.setdefault(day, []).append(row)
    closed = frozenset(setting.closed_days)
    weeks = []
    for n in range(WEEKS):
        days = [monday + timedelta(days=7 * n + d) for d in range(7)]
        weeks.append([
            Day(d, by_day.get(d, []), french.short_day(d), not deadlines.is_worked(d, closed, setting.alsace_moselle), d == today, d < today)
            for d in days if d.weekday() < 5 or d in by_day
        ])  # fmt: skip
    return {"late": late, "weeks": weeks, "later": later}


def decorate(row: OrientationRequest, now=None) -> None:
    now = now or timezone.now()
    words = deadlines.words(row.due_at, french.local(now))
    row.is_late = row.due_at <= now
    row.exact = french.exact(row.due_at)
    row.is_soon = not row.is_late and timezone.localdate(row.due_at) <= timezone.localdate() + timedelta(days=1)
    row.when_long = words if row.is_late else _("répondre avant %(when)s") % {"when": words}
    day = timezone.localdate(row.due_at)
    near = not row.is_soon and (day - timezone.localdate()).days < 7
    row.when_short = (
        f"{french.DAYS[day.weekday()]} {french.hour(row.due_at)}" if near else words
    )  # « lundi 12 h » on a card
    if row.is_late:
        row.when_short = _("%(for)s de retard") % {"for": deadlines.lateness(now - row.due_at)}
    row.level_word = {1: _("Information"), 2: _("Appui"), 3: _("Intensif")}.get(row.level or 0, row.get_kind_display())
    born = row.person_birth_date or (row.patient.identity.birth_date if row.patient_id else "")
    row.age = french.age(born) if born else ""
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


def search(desk: Desk, text: str) -> list[OrientationRequest]:
    """Any request, closed or not, by its number, its asker or its person; without words, the last closed ones."""
    rows = open_to(desk).select_related("assigned_role__practitioner", "patient__identity")
    if not text.strip():
        found = list(rows.filter(state=State.CLOSED).order_by("-closed_at")[:FOUND])
    elif text.strip().replace("-", "").isdigit():
        found = list(rows.filter(number__contains=text.strip()[:12]).order_by("-received_at")[:FOUND])
    else:
        named = rows.annotate(key=SearchKey("person_given", "person_family", "asker_name"))
        for word in name_key(text).split()[:5]:
            named = named.filter(key__contains=word)
        found = list(named.order_by("-received_at")[:FOUND])
    for row in found:
        decorate(row)
    return found


# --- One request -------------------------------------------------------------------------------------------------------


REPLY_CHIPS = {
    Reply.SENT: ("wait", "send"), Reply.RECEIVED: ("info", "check"), Reply.WAITING: ("wait", "clock"),
    Reply.ACCEPTED: ("done", "circle-check"), Reply.REFUSED: ("urgent", "circle-x"), Reply.CANCELLED: ("line", "ban"),
}  # fmt: skip


def detail(desk: Desk, row: OrientationRequest) -> dict:
    decorate(row)
    asked = [
        (s, *REPLY_CHIPS[s.state], s.state in Reply.unanswered()) for s in row.solicitations.order_by("asked_at", "id")
    ]
    steps = list(row.steps.order_by("-recorded_at", "-id")[:60])
    in_circle = reach(desk.viewer, row.patient_id) if row.patient_id else None
    response = _assessment(row, in_circle)
    return {
        "row": row,
        "levels": Level.choices,
        "steps": steps,
        "first": steps[-1] if steps else None,
        "solicitations": asked,
        "to_chase": [s for s, _kind, _icon, unanswered in asked if unanswered],
        "pairs": pairs(response) if response else [],
        "response": response,
        "in_circle": in_circle is not None,
        "urgency": Urgency(row.urgency).label,
    }


def _assessment(row: OrientationRequest, acting) -> Response | None:
    """Once it has followed the request into a circle, the circle's rights say who reads it."""
    readable = Q(circle_id=None)
    if acting is not None:
        readable |= Q(circle_id=acting.circle_id) & visible_rows(acting)
    rows = Response.objects.of_subject(row.pk).filter(readable).select_related("questionnaire")
    return rows.order_by("-recorded_at").first()


def pairs(response: Response) -> list[tuple[str, str]]:
    """Question and answer of a completed or begun form, as short pairs."""
    short = _short_texts(response.questionnaire.data.get("item", []))
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
                link = item.get("linkId", "")
                found.append((short.get(link) or item.get("text", link), ", ".join(v for v in values if v)))
            walk(item.get("item", []))

    walk(response.data.get("item", []))
    return found


def _short_texts(items: list[dict]) -> dict[str, str]:
    """« Aides en place » for « Quelles aides sont déjà en place ? », where the form says so."""
    found: dict[str, str] = {}
    for item in items:
        for extension in item.get("extension", []):
            if extension.get("url", "").endswith("sdc-questionnaire-shortText"):
                found[item["linkId"]] = extension.get("valueString", "")
        found |= _short_texts(item.get("item", []))
    return found


# --- People ------------------------------------------------------------------------------------------------------------


def colleagues(desk: Desk) -> QuerySet:
    return (
        PracticeRole.objects.filter(organization=desk.organization, ended_at=None)
        .select_related("practitioner").order_by("practitioner__sort")
    )  # fmt: skip


def whom(desk: Desk) -> dict[str, tuple[str, dict]]:
    """Who can be given a request, with what they hold and whether they are there: {key: (words, what `assign` takes)}."""
    people = list(colleagues(desk))
    load = dict(
        OrientationRequest.objects.open()
        .filter(assigned_role__in=people).values_list("assigned_role").annotate(n=Count("id"))
    )  # fmt: skip
    away = absent([r.pk for r in people], timezone.localdate())
    found: dict[str, tuple[str, dict]] = {}
    for role in people:
        words = [role.practitioner.display_name, _("%(n)s en cours") % {"n": load.get(role.pk, 0)}]
        if gone := away.get(role.pk):
            words.append(_("absence jusqu’au %(day)s") % {"day": french.short_day(gone.ends_on)})
            if gone.cover:
                words.append(_("remplacement : %(who)s") % {"who": gone.cover.practitioner.display_name})
        found[f"role:{role.pk}"] = (", ".join(words), {"role": role})
    for team in Team.objects.open().filter(organization=desk.organization).order_by("name"):
        found[f"team:{team.pk}"] = (_("équipe %(name)s") % {"name": team.name}, {"team": team})
    return found


def traits_of(row: OrientationRequest) -> CivilTraits | None:
    if row.patient_id or not (row.person_family and row.person_birth_date):
        return None
    try:
        return CivilTraits.read(
            birth_family=row.person_family, birth_given=row.person_given, birth_date=row.person_birth_date,
            sex=row.person_sex or "U",
        )  # fmt: skip
    except Refused:
        return None


def lookalikes_of(desk: Desk, row: OrientationRequest) -> tuple[list[Patient], bool]:
    traits = traits_of(row)
    return lookalikes(desk, traits) if traits else ([], False)


def lookalikes(desk: Desk, traits: CivilTraits) -> tuple[list[Patient], bool]:
    """Files that look like this person and that the desk may open already; of the others, only that there are some."""
    ids = [c.patient_id for c in duplicates.resembling(duplicates.traits_of(traits))[:20]]
    held = set(
        CoordinationFile.objects.of(desk.organization)
        .not_opposed(desk)
        .filter(patient_id__in=ids)
        .values_list("patient_id", flat=True)
    )
    mine = [pk for pk in ids if pk in held or reach(desk.viewer, pk)]
    known = Patient.objects.with_identity().in_bulk(mine)
    return [known[pk] for pk in mine if pk in known], len(ids) > len(mine)


def same_person(desk: Desk, traits: CivilTraits, but: UUID | None = None) -> list[OrientationRequest]:
    """Open requests of this desk about someone of that name and that birth date."""
    rows = open_to(desk).open().filter(person_birth_date=traits.birth.text).exclude(pk=but)
    wanted = name_key(traits.birth_family)
    return [row for row in rows.order_by("due_at")[:50] if name_key(row.person_family) == wanted]


def is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
