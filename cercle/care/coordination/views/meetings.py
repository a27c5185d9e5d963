"""Concerted meetings: call, page (agenda, presence, minutes, decisions), PDF."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import pdf
from cercle.base.common.errors import Refused
from cercle.base.web import panels
from cercle.base.web.limits import limited
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.faces import Face, faces
from cercle.people.circles.vocabulary import Permission

from .. import meeting_documents as documents
from ..actions import meetings as actions
from ..actions.plan import as_id, owner_of
from ..forms_plan import DecisionForm, InviteesForm, MeetingForm, MoveForm
from ..models import Attendance, CarePlan, Decision, Goal, Meeting
from ..plan_tasks import sees_plan
from ..vocabulary_plan import GoalState, MeetingState
from .plan import _keep


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_PLAN)
    people = faces(acting)
    initial = {"title": _("Réunion de concertation"), "on": timezone.localdate() + timedelta(days=7), "at": "14:00"}
    form = MeetingForm(request.POST or None, people=people, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            meeting = actions.call_meeting(
                acting, title=data["title"], starts_at=form.starts_at(), minutes=data["minutes"], place=data["place"],
                agenda=data["agenda"], plan=_plan_of(acting), invitees=[owner_of(acting, **who) for who in form.invitees()],
            )  # fmt: skip
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return redirect("coordination:meeting", circle_id=acting.circle_id, meeting_id=meeting.pk)
    status = 422 if request.method == "POST" else 200
    record(acting, "coordination.plan_shown", kind=Kind.READ)
    return panels.show(request, acting, "plan", status=status, mode="meeting_new", form=form)


def _plan_of(acting: Acting) -> CarePlan | None:
    rows = CarePlan.objects.visible_to(acting).filter(closed_at=None)
    own = acting.practice_role.organization_id if acting.practice_role else None
    return rows.filter(organization_id=own).first() or rows.first()


def _reach(request: HttpRequest, circle_id: UUID, meeting_id: UUID, permission: Permission) -> tuple[Acting, Meeting]:
    acting = enter(request, circle_id, permission)
    meeting = Meeting.objects.visible_to(acting).select_related("organization").filter(pk=meeting_id).first()
    if meeting is None:
        raise Http404
    return acting, meeting


@require_safe
def show(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.READ_PLAN)
    return _page(request, acting, meeting)


def _page(
    request: HttpRequest, acting: Acting, meeting: Meeting, *, problem: str = "", status: int = 200, form=None, invite_form=None,
    move_form=None,
) -> HttpResponse:  # fmt: skip
    record(acting, "coordination.meeting_read", kind=Kind.READ, on=meeting, hidden=meeting.hidden)
    people = faces(acting)
    me = acting.member.pk if acting.member else None
    invited = list(meeting.attendances.order_by("id"))
    goals = [
        g
        for g in Goal.objects.visible_to(acting).filter(plan__closed_at=None, state=GoalState.ACTIVE).select_related("plan").order_by("position")
        if sees_plan(acting, g.plan)
    ]  # fmt: skip
    return panels.show(
        request, acting, "plan", status=status, mode="meeting", problem=problem, meeting=meeting, invited=invited,
        when_words=documents.when_words(meeting), decisions=meeting.decisions.select_related("action").order_by("position", "id"),
        my_invitation=next((a for a in invited if me and a.owner_member_id == me), None), all_goals=goals,
        form=form or DecisionForm(people=people), is_past=meeting.starts_at <= timezone.now(),
        invite_form=invite_form or InviteesForm(auto_id="invite_%s", people=_not_invited(people, invited)), move_form=move_form or _move_form(meeting),
        events=[e for e in meeting.events.order_by("id") if e.text or e.kind != "called"],
        may_move=meeting.state != MeetingState.HELD or not (meeting.report or meeting.decisions.exists()),
        opens_version=any(not g.plan.is_open for g in goals),
        meeting_state=MeetingState(meeting.state).label,
    )  # fmt: skip


def _do(request: HttpRequest, acting: Acting, meeting: Meeting, act, **forms) -> HttpResponse:
    """The act, then the meeting again; refused, the page says why and gives back what was typed (`forms`)."""
    try:
        act()
    except Refused as refused:
        return _page(request, acting, meeting, problem=str(refused.message), status=422, **forms)
    return _back(acting, meeting)


def _back(acting: Acting, meeting: Meeting) -> HttpResponse:
    return redirect("coordination:meeting", circle_id=acting.circle_id, meeting_id=meeting.pk)


@require_POST
def words(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)

    def again(**said) -> HttpResponse:
        return _page(request, acting, meeting, **said)

    return _keep(request, acting, meeting, again, lambda: _back(acting, meeting))


@require_POST
def answer(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.ANSWER_PLAN)
    coming = request.POST.get("coming") == "1"
    return _do(request, acting, meeting, lambda: actions.answer_meeting(acting, meeting=meeting, coming=coming))


@require_POST
def note_answer(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    coming = request.POST.get("coming") == "1"

    def act():
        who = as_id(request.POST.get("attendance", ""))
        actions.note_answer(acting, meeting=meeting, attendance_id=who, coming=coming)

    return _do(request, acting, meeting, act)


@require_POST
def held(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    there = set(request.POST.getlist("present"))
    present = {a.pk: str(a.pk) in there for a in meeting.attendances.all()}
    return _do(request, acting, meeting, lambda: actions.hold_meeting(acting, meeting=meeting, present=present))


@require_POST
def invite(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    form = InviteesForm(request.POST, auto_id="invite_%s", people=faces(acting))
    if not form.is_valid():
        return _page(request, acting, meeting, status=422, invite_form=form)

    def act():
        actions.invite(acting, meeting=meeting, invitees=[owner_of(acting, **who) for who in form.invitees()])

    return _do(request, acting, meeting, act, invite_form=form)


@require_POST
def move(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    form = MoveForm(request.POST, auto_id="move_%s")
    if not form.is_valid():
        return _page(request, acting, meeting, status=422, move_form=form)
    data = form.cleaned_data

    def act():
        starts_at = form.starts_at(ZoneInfo(meeting.zone))
        actions.move_meeting(acting, meeting=meeting, starts_at=starts_at, minutes=data["minutes"], text=data["text"])

    return _do(request, acting, meeting, act, move_form=form)


def _not_invited(people: list[Face], invited: list[Attendance]) -> list[Face]:
    there = {a.owner_member_id for a in invited}
    return [f for f in people if f.pk not in there]


def _move_form(meeting: Meeting) -> MoveForm:
    at = meeting.starts_at.astimezone(ZoneInfo(meeting.zone))
    return MoveForm(auto_id="move_%s", initial={"on": at.date(), "at": at.time(), "minutes": meeting.minutes})


@require_POST
def cancel(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    return _do(
        request,
        acting,
        meeting,
        lambda: actions.cancel_meeting(acting, meeting=meeting, reason=request.POST.get("text", "")),
    )


@require_POST
def decide(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)
    form = DecisionForm(request.POST, people=faces(acting))
    if not form.is_valid():
        return _page(request, acting, meeting, status=422, form=form)
    data = form.cleaned_data

    def act():
        owner = owner_of(acting, **form.owner())
        actions.decide(acting, meeting=meeting, text=data["text"], owner=owner, due_on=data["due_on"])

    return _do(request, acting, meeting, act, form=form)


@require_POST
def to_action(request: HttpRequest, circle_id: UUID, resolution_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_PLAN)
    meetings = Meeting.objects.visible_to(acting).select_related("organization")
    decision = (
        Decision.objects.filter(pk=resolution_id, meeting__in=meetings).select_related("meeting__organization").first()
    )
    if decision is None:
        raise Http404
    try:
        wanted = UUID(request.POST.get("goal", ""))
    except ValueError:
        wanted = None
    goal = Goal.objects.visible_to(acting).select_related("plan").filter(pk=wanted).first()

    def act():
        if goal is None:
            raise Refused(_("Choisissez l’objectif que cette décision sert."), "goal")
        actions.decision_to_action(acting, decision=decision, goal=goal)

    return _do(request, acting, decision.meeting, act)


@limited("export", per_minute=20)
@require_safe
def printed(request: HttpRequest, circle_id: UUID, meeting_id: UUID, kind: str) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.READ_PLAN)
    if kind not in ("convocation", "compte-rendu"):
        raise Http404
    data = documents.pdf_data(acting, meeting, "minutes" if kind == "compte-rendu" else "call")
    record(acting, "coordination.meeting_printed", kind=Kind.EXPORT, on=meeting, hidden=meeting.hidden)
    response = HttpResponse(pdf.render(documents.TEMPLATE, data), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{kind}.pdf"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def send(request: HttpRequest, circle_id: UUID, meeting_id: UUID) -> HttpResponse:
    acting, meeting = _reach(request, circle_id, meeting_id, Permission.EDIT_PLAN)

    def act():
        actions.send_minutes(acting, meeting=meeting)
        messages.success(request, _("Le compte rendu est dans les documents du cercle."))

    return _do(request, acting, meeting, act)
