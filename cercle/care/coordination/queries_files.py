"""What the screens of the coordination file read."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Exists, F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cercle.base.common.text import sort_key
from cercle.people.circles.access import Acting
from cercle.people.circles.desks import Desk
from cercle.people.patients.models import Identity

from .gates import opposed_files, refused_by
from .models import Action as PlanAction
from .models import (
    CoordinationFile,
    CoReferent,
    FollowUpSheet,
    Goal,
    Handover,
    HandoverLine,
    PrivateNote,
    SheetFile,
)
from .vocabulary import Act, FileState, SheetState, Topic
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
    others: list[CoordinationFile] = field(default_factory=list)  # the same person's other episodes here

    @property
    def active(self) -> int:
        return sum(g.state == "active" for g in self.goals)

    @property
    def reached(self) -> int:
        return sum(g.state == "reached" for g in self.goals)


def state_of(file: CoordinationFile, acting: Acting | None) -> State:
    """`acting`: the same person in the circle, for what the circle holds (goals, actions); None once she has left it."""
    rows = FollowUpSheet.objects.filter(file=file, state=SheetState.CURRENT)
    totals = rows.aggregate(n=Count("pk"), minutes=Sum("minutes"))
    found = State(
        file=file,
        sheets=list(rows.order_by("-at", "-id")[:4]),
        sheet_count=totals["n"],
        sheet_minutes=totals["minutes"] or 0,
        co_referents=list(file.co_referents.filter(ended_at=None).select_related("practice_role__practitioner")),
        others=other_episodes(file),
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
        if whose not in ("mine", "all") and not _uuid(whose):
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


@dataclass(frozen=True)
class SheetFilters:
    whose: str = "all"  # mine | all | a practice role's id
    act: str = ""
    topic: str = ""
    begin: date | None = None
    end: date | None = None
    words: str = ""  # in one file only: a structure's sheets are too many to be read for a word

    @classmethod
    def of(cls, data, *, whose: str) -> "SheetFilters":
        asked = data.get("qui", whose)
        return cls(
            whose=asked if asked in ("mine", "all") or _uuid(asked) else whose,
            act=data.get("acte", "") if data.get("acte") in Act.values else "",
            topic=data.get("sujet", "") if data.get("sujet") in Topic.values else "",
            begin=_day(data.get("du", "")),
            end=_day(data.get("au", "")),
            words=data.get("q", "").strip()[:80],
        )

    @property
    def are_set(self) -> bool:
        return self != SheetFilters(whose=self.whose) or self.whose not in ("mine", "all")

    def query(self, **more) -> str:
        """Without the words: what one looks for in a text has no place in an address."""
        given = {"qui": self.whose, "acte": self.act, "sujet": self.topic, "du": self.begin, "au": self.end} | more
        return "?" + urlencode({k: v for k, v in given.items() if v})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return day if 1900 <= day.year <= 2200 else None


def sheets(desk: Desk, filters: SheetFilters, *, file: CoordinationFile | None = None):
    """Of one file, or of the structure: then files of those who refused are left out."""
    rows = FollowUpSheet.objects.filter(organization=desk.organization, state=SheetState.CURRENT)
    if file is not None:
        rows = rows.filter(file=file)
        if filters.words:
            rows = rows.filter(text__icontains=filters.words)
    else:
        rows = rows.filter(
            Q(file__patient__circle__has_oppositions=False) | ~Exists(refused_by(desk, patient="file__patient"))
        )
    if filters.whose != "all":
        rows = rows.filter(author_role_id=desk.practice_role_id if filters.whose == "mine" else filters.whose)
    if filters.act:
        rows = rows.filter(act=filters.act)
    if filters.topic:
        rows = rows.filter(topic=filters.topic)
    if filters.begin:
        rows = rows.filter(at__gte=_midnight(filters.begin))
    if filters.end:
        rows = rows.filter(at__lt=_midnight(filters.end + timedelta(days=1)))
    return rows


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(0)))


def page_of_sheets(rows, after: str = "") -> tuple[list[FollowUpSheet], str]:
    """Newest first, and where the next page begins."""
    at, _sep, last = after.partition("~")
    if last_id := _uuid(last):
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            return [], ""
        rows = rows.filter(Q(at__lt=moment) | Q(at=moment, pk__lt=last_id))
    found = list(rows.select_related("file__patient__identity").order_by("-at", "-id")[: PAGE + 1])
    following = f"{found[PAGE - 1].at.isoformat()}~{found[PAGE - 1].pk}" if len(found) > PAGE else ""
    return found[:PAGE], following


def attached(rows: list[FollowUpSheet]) -> dict[UUID, int]:
    """{sheet id: how many files}; one statement."""
    held = SheetFile.objects.filter(sheet__in=[r.pk for r in rows], withdrawn_at=None)
    return dict(held.values_list("sheet_id").annotate(n=Count("pk")))


def other_episodes(file: CoordinationFile) -> list[CoordinationFile]:
    """Of the same person with this structure, her files brought together included."""
    root = file.patient.canonical_id
    rows = CoordinationFile.objects.filter(organization_id=file.organization_id).exclude(pk=file.pk)
    return list(rows.filter(Q(patient_id=root) | Q(patient__merged_into=root)).order_by("-opened_at")[:12])


def private_notes(desk: Desk, file: CoordinationFile) -> list[PrivateNote]:
    root = file.patient.canonical_id
    rows = PrivateNote.objects.filter(organization=desk.organization, replaced_by=None, withdrawn_at=None)
    return list(rows.filter(Q(patient_id=root) | Q(patient__merged_into=root)).order_by("-written_at")[:100])


# --- A handover ---------------------------------------------------------------------------------------------------------


@dataclass
class Passed:
    """What was passed on, as one colleague may read it."""

    lines: list[HandoverLine]
    unseen: int  # files of those who refused her
    visits: list[Any] = field(default_factory=list)  # what the one who is away had placed about these people

    @property
    def passed(self) -> list[HandoverLine]:
        return [x for x in self.lines if not x.kept]

    @property
    def kept(self) -> list[HandoverLine]:
        return [x for x in self.lines if x.kept]

    @property
    def to_tell(self) -> list[HandoverLine]:
        """People whom nobody told yet; whoever died, or whose file went back, is not waited for."""
        waited = (x for x in self.passed if not (x.informed_on or x.as_co_referent or x.given_back_at))
        return [x for x in waited if not x.file.patient.is_deceased]

    @property
    def told(self) -> list[HandoverLine]:
        return [x for x in self.passed if x.informed_on]


def handover_lines(desk: Desk, handover: Handover) -> Passed:
    rows = list(
        handover.lines.select_related("file__patient__identity", "file__patient__circle").order_by(
            "file__patient__identity__sort", "id"
        )[:500]
    )
    # Whoever the person refused does not read her name here either.
    hidden = set(opposed_files(desk).filter(pk__in=[x.file_id for x in rows]).values_list("pk", flat=True))
    seen = [x for x in rows if x.file_id not in hidden]
    return Passed(lines=seen, unseen=len(rows) - len(seen))
