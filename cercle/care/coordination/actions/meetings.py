"""The verbs of concerted meetings (RCP): call, answer, hold, decide; a decision becomes an action of the plan."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.people.circles.access import Acting
from cercle.people.circles.vocabulary import Category, Permission

from ..models import Action, Attendance, CarePlan, Decision, Goal, Meeting, MeetingEvent
from ..vocabulary_plan import MEETING_MOVES, Answer, MeetingState, OwnerKind
from . import plan as plans
from .plan import Owner, _category, _may, _next, _signed, _text


def call_meeting(
    acting: Acting,
    *,
    title: str,
    starts_at: datetime,
    minutes: int = 60,
    place: str = "",
    agenda: str = "",
    invitees: Iterable[Owner] = (),
    plan: CarePlan | None = None,
    zone: str = "",
    category: str = "",
) -> Meeting:
    """Members are told by their notices; outsiders are named, and get the convocation on paper or by mail."""
    _may(acting, Permission.EDIT_PLAN)
    title = " ".join(title.split())
    if not title:
        raise Refused(_("Donnez un titre à la réunion."), "title")
    if not 0 < minutes <= 24 * 60:
        raise Refused(_("La durée va de 1 minute à 24 heures."), "minutes")
    category = category or (Category.SOCIAL if Category.SOCIAL in acting.writable else acting.profile.default_category)
    role = acting.practice_role
    with transaction.atomic():
        meeting = Meeting.objects.create(
            circle_id=acting.circle_id, plan=plan, organization_id=role.organization_id if role else None, title=title[:200],
            starts_at=starts_at, zone=zone or timezone.get_current_timezone_name(), minutes=minutes, place=_text(place)[:300], agenda=_text(agenda),
            category=_category(acting, category), called_at=timezone.now(), **_signed(acting),
        )  # fmt: skip
        MeetingEvent.objects.create(meeting=meeting, kind="called", to_state=meeting.state, **_signed(acting))
        _invite(meeting, invitees)
        _told(acting, "coordination.meeting_called", meeting, Kind.CREATE)
    return meeting


def invite(acting: Acting, *, meeting: Meeting, invitees: Iterable[Owner]) -> None:
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state == MeetingState.CANCELLED:
            raise Refused(_("Cette réunion a été annulée."), "state")
        if not _invite(meeting, invitees):
            raise Refused(_("Choisissez au moins une personne qui n’est pas déjà invitée."), "nobody")
        _told(acting, "coordination.meeting_invited", meeting, Kind.UPDATE)


def _invite(meeting: Meeting, invitees: Iterable[Owner]) -> int:
    there = {(a.owner_member_id, a.owner_name if a.owner_member_id is None else "") for a in meeting.attendances.all()}
    rows = []
    for who in invitees:
        key = (who.member_id, who.name[:200] if who.member_id is None else "")
        if key not in there:
            there.add(key)
            rows.append(Attendance(meeting=meeting, **who.columns()))
    Attendance.objects.bulk_create(rows)
    return len(rows)


def move_meeting(
    acting: Acting, *, meeting: Meeting, starts_at: datetime | None = None, minutes: int | None = None, text: str = ""
) -> Meeting:  # fmt: skip
    """Another day: who had answered is asked again. One that was cancelled, or marked as held by mistake, is to come again."""
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state == MeetingState.HELD and (meeting.report or meeting.decisions.exists()):
            raise Refused(_("Cette réunion a eu lieu : convoquez-en une autre."), "state")
        was = meeting.starts_at
        meeting.starts_at, meeting.minutes = starts_at or was, minutes or meeting.minutes
        meeting.save(update_fields=["starts_at", "minutes"])
        if meeting.state != MeetingState.PLANNED:
            _move(acting, meeting, MeetingState.PLANNED, text)
        else:
            MeetingEvent.objects.create(
                meeting=meeting, kind="moved", from_state=meeting.state, to_state=meeting.state, text=_text(text),
                **_signed(acting),
            )  # fmt: skip
        meeting.attendances.update(present=None)
        if meeting.starts_at != was:
            meeting.attendances.update(answer=Answer.INVITED, answered_at=None)
        _told(acting, "coordination.meeting_moved", meeting, Kind.UPDATE)
    return meeting


def answer_meeting(acting: Acting, *, meeting: Meeting, coming: bool) -> Attendance:
    """An invited member says whether she comes."""
    _may(acting, Permission.ANSWER_PLAN)
    mine = acting.member and meeting.attendances.filter(owner_member_id=acting.member.pk).first()
    if not mine:
        raise Refused(_("Vous n’êtes pas dans la liste des invités."), "not_invited")
    return _answer(acting, meeting, mine.pk, coming)


def note_answer(acting: Acting, *, meeting: Meeting, attendance_id: UUID, coming: bool) -> Attendance:
    """What an invitee outside the circle said by telephone or by mail; members answer themselves."""
    _may(acting, Permission.EDIT_PLAN)
    if not meeting.attendances.filter(pk=attendance_id, owner_kind=OwnerKind.OUTSIDER).exists():
        raise Refused(_("Cette personne n’est pas dans la liste des invités."), "not_invited")
    return _answer(acting, meeting, attendance_id, coming)


def _answer(acting: Acting, meeting: Meeting, attendance_id: UUID, coming: bool) -> Attendance:
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state != MeetingState.PLANNED:
            raise Refused(_("Cette réunion n’est plus à venir."), "state")
        row = meeting.attendances.get(pk=attendance_id)
        row.answer, row.answered_at = Answer.COMING if coming else Answer.NOT_COMING, timezone.now()
        row.save(update_fields=["answer", "answered_at"])
        _told(acting, "coordination.meeting_answered", meeting, Kind.UPDATE)
    return row


def hold_meeting(acting: Acting, *, meeting: Meeting, present: Mapping[UUID, bool]) -> Meeting:
    """It took place: who was there ({attendance id: present}). May be said again to put the list right."""
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state == MeetingState.CANCELLED:
            raise Refused(_("Cette réunion a été annulée."), "state")
        if meeting.starts_at > timezone.now() + timedelta(hours=1):
            raise Refused(_("Cette réunion n’a pas encore eu lieu."), "future")
        for row in meeting.attendances.select_for_update():
            row.present = bool(present.get(row.pk))
            row.save(update_fields=["present"])
        if meeting.state == MeetingState.PLANNED:
            _move(acting, meeting, MeetingState.HELD)
        _told(acting, "coordination.meeting_held", meeting, Kind.UPDATE)
    return meeting


def cancel_meeting(acting: Acting, *, meeting: Meeting, reason: str) -> Meeting:
    _may(acting, Permission.EDIT_PLAN)
    if not _text(reason):
        raise Refused(_("Dites aux invités pourquoi la réunion est annulée."), "reason")
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state != MeetingState.PLANNED:
            raise Refused(_("Cette réunion n’est plus à venir."), "state")
        _move(acting, meeting, MeetingState.CANCELLED, reason)
        _told(acting, "coordination.meeting_cancelled", meeting, Kind.UPDATE)
    return meeting


def decide(acting: Acting, *, meeting: Meeting, text: str, owner: Owner, due_on: date | None = None) -> Decision:
    _may(acting, Permission.EDIT_PLAN)
    text = " ".join(text.split())
    if not text:
        raise Refused(_("Écrivez la décision."), "text")
    with transaction.atomic():
        meeting = _lock(acting, meeting)
        if meeting.state == MeetingState.CANCELLED:
            raise Refused(_("Cette réunion a été annulée."), "state")
        decision = Decision.objects.create(
            meeting=meeting, text=text[:500], due_on=due_on, position=_next(meeting.decisions), **owner.columns(), **_signed(acting)
        )  # fmt: skip
        _told(acting, "coordination.decision_added", meeting, Kind.CREATE)
    return decision


def decision_to_action(acting: Acting, *, decision: Decision, goal: Goal) -> Action:
    """In one click. On an agreed plan it opens the next version: an agreement never covers what came after it."""
    with transaction.atomic():
        decision = Decision.objects.select_for_update(of=("self",)).get(
            pk=decision.pk, meeting__in=Meeting.objects.visible_to(acting)
        )
        if decision.action_id:
            raise Refused(_("Cette décision est déjà une action du plan."), "again")
        if not goal.plan.is_open:
            plans.revise(
                acting,
                plan=goal.plan,
                reason=_("Décision de la réunion « %(title)s ».") % {"title": decision.meeting.title},
            )
        owner = Owner(decision.owner_kind, decision.owner_name, decision.owner_label, decision.owner_member_id)
        decision.action = plans.add_action(
            acting, goal=goal, label=decision.text[:300], owner=owner, due_on=decision.due_on
        )
        decision.save(update_fields=["action"])
        _told(acting, "coordination.decision_adopted", decision.meeting, Kind.UPDATE)
    return decision.action


def send_minutes(acting: Acting, *, meeting: Meeting) -> Any:
    """The minutes, among the circle's documents, under the meeting's own category and mask. Gives the Document."""
    import io

    from cercle.base.common import pdf
    from cercle.care.documents import actions as documents

    from .. import meeting_documents

    _may(acting, Permission.EDIT_PLAN)
    content = pdf.render(meeting_documents.TEMPLATE, meeting_documents.pdf_data(acting, meeting, "minutes"))
    with transaction.atomic():
        row = _lock(acting, meeting)
        document = documents.store_upload(
            acting, file=io.BytesIO(content), category=row.category, hidden=row.hidden, holder_id=row.pk, name="compte-rendu.pdf",
            title=_("Compte rendu : %(title)s") % {"title": row.title},
        )  # fmt: skip
        _told(acting, "coordination.minutes_sent", row, Kind.UPDATE)
    return document


# --- the small steps ---------------------------------------------------------------------------------------------------


def _lock(acting: Acting, meeting: Meeting) -> Meeting:
    return Meeting.objects.select_for_update(of=("self",)).visible_to(acting).get(pk=meeting.pk)


def _move(acting: Acting, meeting: Meeting, state: str, text: str = "") -> None:
    assert state in MEETING_MOVES[MeetingState(meeting.state)]
    was, meeting.state = meeting.state, state
    meeting.save(update_fields=["state"])
    MeetingEvent.objects.create(
        meeting=meeting, kind="moved", from_state=was, to_state=state, text=_text(text), **_signed(acting)
    )


def _told(acting: Acting, action: str, meeting: Meeting, kind: Kind) -> None:
    record(acting, action, on=meeting, kind=kind, hidden=meeting.hidden)
    push(f"circle:{acting.circle_id}")
