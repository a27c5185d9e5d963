"""What the screens of the coordination file read."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cercle.base.common.text import sort_key
from cercle.people.circles.access import Acting
from cercle.people.circles.desks import Desk
from cercle.people.patients.models import Identity

from .gates import refused_by
from .models import Action as PlanAction
from .models import CarePlan, CoordinationFile, CoReferent, FollowUpSheet, Goal
from .vocabulary import ACT_ICONS, FileState, SheetState
from .vocabulary_plan import OPEN_ACTIONS

PAGE = 50
SILENT = timedelta(days=60)  # no act for that long: the list « sans nouvelle » shows it
SOON = timedelta(days=14)


# --- One file: « où en est-on ? » ---------------------------------------------------------------------------------------


@dataclass
class GoalLine:
    label: str
    detail: str
    done: int
    total: int
    late: int
    state: str

    @property
    def chip(self) -> tuple[str, str, Any]:
        if self.state == "reached":
            return "done", "circle-check", _("Atteint")
        if self.late:
            return "urgent", "triangle-alert", _("En retard")
        if self.total and self.done * 2 > self.total:
            return "done", "trending-up", _("En bonne voie")
        return "info", "circle-dot", _("En cours")


@dataclass
class State:
    file: CoordinationFile
    sheets: list[FollowUpSheet]
    sheet_count: int
    sheet_minutes: int
    co_referents: list[CoReferent]
    goals: list[GoalLine] = field(default_factory=list)
    late: list[PlanAction] = field(default_factory=list)
    late_count: int = 0

    @property
    def active(self) -> int:
        return sum(g.state == "active" for g in self.goals)

    @property
    def reached(self) -> int:
        return sum(g.state == "reached" for g in self.goals)


def state_of(desk: Desk, file: CoordinationFile, acting: Acting | None) -> State:
    """`acting`: the same person in the circle, for what the circle holds (goals, actions); None once she has left it."""
    rows = FollowUpSheet.objects.filter(file=file, state=SheetState.CURRENT)
    totals = rows.aggregate(n=Count("pk"), minutes=Sum("minutes"))
    found = State(
        file=file,
        sheets=list(rows.order_by("-at", "-id")[:4]),
        sheet_count=totals["n"],
        sheet_minutes=totals["minutes"] or 0,
        co_referents=list(file.co_referents.filter(ended_at=None).select_related("practice_role__practitioner")),
    )
    if acting is not None and acting.may("read_plan"):
        _plan_of(found, file, acting)
    return found


def _plan_of(found: State, file: CoordinationFile, acting: Acting) -> None:
    today = timezone.localdate()
    goals = (
        Goal.objects.visible_to(acting)
        .filter(plan__organization_id=file.organization_id, plan__closed_at=None, state__in=("active", "reached"))
        .annotate(
            total=Count("actions", filter=~Q(actions__state="cancelled")),
            done=Count("actions", filter=Q(actions__state="done")),
            late=Count("actions", filter=Q(actions__state__in=OPEN_ACTIONS, actions__due_on__lt=today)),
        )
        .order_by("state", "position", "id")[:6]
    )
    rows = list(goals)
    found.goals = [GoalLine(g.label, g.why or g.measure, g.done, g.total, g.late, g.state) for g in rows]
    if any(g.late for g in rows):
        late = PlanAction.objects.late(today).filter(goal__in=[g.pk for g in rows]).order_by("due_on", "id")
        found.late = list(late[:3])
        found.late_count = sum(g.late for g in rows)


def followed_since(file: CoordinationFile) -> str:
    """« Suivi depuis 5 mois, niveau 3 »"""
    end = file.closed_at or timezone.now()
    days = max((end - file.opened_at).days, 0)
    if days < 1:
        span = _("aujourd’hui")
    elif days < 60:
        span = ngettext("%(n)d jour", "%(n)d jours", days) % {"n": days}
    elif days < 730:
        span = _("%(n)d mois") % {"n": days // 30}
    else:
        span = _("%(n)d ans") % {"n": days // 365}
    if file.state == FileState.CLOSED:
        return _("Clos, suivi %(span)s, niveau %(level)d") % {"span": span, "level": file.level}
    if file.state == FileState.SUSPENDED:
        return _("Suspendu, niveau %(level)d") % {"level": file.level}
    return _("Suivi depuis %(span)s, niveau %(level)d") % {"span": span, "level": file.level}


def late_words(due: date) -> str:
    days = (timezone.localdate() - due).days
    return ngettext("depuis %(n)d jour", "depuis %(n)d jours", days) % {"n": days}


def current_file(desk: Desk, circles) -> CoordinationFile | None:
    """The structure's living file about this person, else its last one."""
    rows = CoordinationFile.objects.of(desk.organization).with_people().filter(patient_id__in=circles)
    return rows.order_by(F("closed_at").desc(nulls_first=True), "-episode").first()


# --- The caseload -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filters:
    whose: str = "mine"  # mine | all | a practice role's id
    state: str = "living"  # living | open | suspended | closed | silent | review
    level: int = 0
    words: str = ""

    @classmethod
    def of(cls, data, desk: Desk) -> "Filters":
        whose = data.get("qui", "mine")
        if whose not in ("mine", "all"):
            try:
                whose = str(UUID(whose))
            except ValueError:
                whose = "mine"
        state = data.get("etat", "living")
        level = data.get("niveau", "")
        return cls(
            whose=whose,
            state=state if state in ("living", "open", "suspended", "closed", "silent", "review") else "living",
            level=int(level) if level in ("1", "2", "3") else 0,
            words=data.get("q", "").strip()[:80],
        )


def caseload(desk: Desk, filters: Filters):
    rows = CoordinationFile.objects.of(desk.organization).not_opposed(desk)
    if filters.whose == "mine":
        # A union, not an OR: the index of a caseload is small, the structure's files are not.
        own = CoordinationFile.objects.filter(referent_id=desk.practice_role_id)
        own = own.filter(state=FileState.CLOSED) if filters.state == "closed" else own.living()
        co = CoReferent.objects.filter(practice_role_id=desk.practice_role_id, ended_at=None).values("file_id")
        rows = rows.filter(pk__in=own.values("pk").union(co))
    elif filters.whose != "all":
        rows = rows.filter(referent_id=filters.whose)
    today = timezone.localdate()
    if filters.state == "closed":
        rows = rows.filter(state=FileState.CLOSED)
    else:
        rows = rows.living()
        if filters.state in ("open", "suspended"):
            rows = rows.filter(state=filters.state)
        elif filters.state == "silent":
            rows = rows.filter(Q(last_act_at=None) | Q(last_act_at__lt=timezone.now() - SILENT))
        elif filters.state == "review":
            rows = rows.filter(review_on__lte=today + SOON)
    if filters.level:
        rows = rows.filter(level=filters.level)
    if filters.words:
        key = sort_key(filters.words)
        named = Identity.objects.filter(superseded_at=None, sort__startswith=key).values("patient_id")[:500]
        rows = rows.filter(patient_id__in=named)
    return rows


def page_of(rows, filters: Filters, after: str = "") -> tuple[list[CoordinationFile], str]:
    """One page in order of last act (of exit when closed) and where the next begins."""
    column = "closed_at" if filters.state == "closed" else "last_act_at"
    if after:
        at, _sep, last = after.partition("~")
        try:
            last_id = UUID(last)
            moment = datetime.fromisoformat(at) if at else None
        except ValueError:
            moment, last_id = None, None
        if last_id is not None:
            if moment is None:
                rows = rows.filter(**{f"{column}__isnull": True, "pk__lt": last_id})
            else:
                rows = rows.filter(
                    Q(**{f"{column}__lt": moment})
                    | Q(**{column: moment, "pk__lt": last_id})
                    | Q(**{f"{column}__isnull": True})
                )
    found = list(
        rows.select_related("patient__identity", "referent__practitioner").order_by(
            F(column).desc(nulls_last=True), "-id"
        )[: PAGE + 1]
    )
    following = ""
    if len(found) > PAGE:
        last = found[PAGE - 1]
        at = getattr(last, column)
        following = f"{at.isoformat() if at else ''}~{last.pk}"
    return found[:PAGE], following


def late_counts(desk: Desk, files: list[CoordinationFile]) -> dict[UUID, int]:
    """{patient id: late actions of the structure's plan}; one statement."""
    rows = (
        PlanAction.objects.late(timezone.localdate())
        .filter(
            goal__plan__organization=desk.organization,
            goal__plan__closed_at=None,
            goal__hidden=0,
            goal__state="active",
            goal__plan__circle_id__in=[f.patient_id for f in files],
        )  # fmt: skip
        .values_list("goal__plan__circle_id")
        .annotate(n=Count("pk"))
    )
    return dict(rows)


# --- The sheets ---------------------------------------------------------------------------------------------------------


def sheets(desk: Desk, data):
    """Sheets of the structure: mine, or everybody's; by act, topic, period. Files of those who refused are left out."""
    rows = FollowUpSheet.objects.filter(organization=desk.organization, state=SheetState.CURRENT).filter(
        Q(file__patient__circle__has_oppositions=False) | ~Exists(refused_by(desk, patient="file__patient"))
    )
    if data.get("qui", "mine") != "all":
        rows = rows.filter(author_role_id=desk.practice_role_id)
    if data.get("acte") in ACT_ICONS:
        rows = rows.filter(act=data["acte"])
    if data.get("sujet"):
        rows = rows.filter(topic=data["sujet"])
    for name, lookup, more in (("du", "at__gte", 0), ("au", "at__lt", 1)):
        try:
            day = date.fromisoformat(data.get(name, "")) + timedelta(days=more)
        except (ValueError, OverflowError):
            continue
        rows = rows.filter(**{lookup: timezone.make_aware(datetime.combine(day, time(0)))})
    return rows


# --- Mes tâches ---------------------------------------------------------------------------------------------------------


def plans_to_review(desk: Desk):
    return CarePlan.objects.filter(
        organization=desk.organization, closed_at=None, review_on__lte=timezone.localdate() + SOON
    )
