"""One appointment, one thing to place: 404 to whoever may only know that the time is taken."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404

from cercle.base.audit.record import Kind, record
from cercle.people.circles.access import Acting, Viewer, reach, viewer_of
from cercle.people.circles.desks import DeskRight, desk
from cercle.people.directory.models import TeamMember

from . import queries, recurrence
from .models import Appointment
from .vocabulary import State


def at_agenda(request) -> Viewer:
    """Whoever works somewhere has an agenda; nobody else does."""
    viewer = viewer_of(request)
    if viewer.practice_role_id is None:
        raise Http404
    return replace(viewer, ground="agenda")


def at_desk(request) -> bool:
    found = desk(request)
    return found is not None and found.may(DeskRight.DESK)


def notes_absences(request) -> bool:
    """Who keeps the desk or the structure notes that a colleague is away."""
    found = desk(request)
    return found is not None and (found.may(DeskRight.DESK) or found.may(DeskRight.STRUCTURE))


def enter_appointment(request, appointment_id: UUID, *, write: bool = False) -> tuple[Viewer | Acting, queries.Shown]:
    """Who acts, as member of the circle where she is one, and the appointment as she may read it."""
    viewer = replace(viewer_of(request), ground="agenda")
    row = Appointment.objects.filter(pk=appointment_id).select_related("series").first()
    if row is None or row.state == State.CANCELLED:
        raise Http404
    teams = TeamMember.objects.filter(
        practice_role_id=viewer.practice_role_id, ended_at=None, team__closed_at=None
    ).values_list("team_id", flat=True)
    involved = queries.viewer_owns(viewer, queries.entries_of(row), teams) or (
        row.author_user_id is not None and row.author_user_id == viewer.user_id
    )
    shown = queries.face_of(viewer, row, occurrence(request, row), involved=involved)
    if shown.busy:
        if row.circle_id:
            record(viewer, "circles.refused", kind=Kind.READ, circle_id=row.circle_id, outcome="refused")
        raise Http404
    acting = (reach(viewer, row.circle_id) if row.circle_id and shown.who else None) or replace(
        viewer, circle_id=row.circle_id
    )
    if write and not shown.may_move:
        record(acting, "circles.refused", kind=Kind.READ, details={"permission": "write_agenda"}, outcome="refused")
        raise PermissionDenied
    return acting, shown


def occurrence(request, row: Appointment) -> datetime:
    """Which one of a series the address names (`?fois=20260305T080000Z`); 404 when the series has no such one."""
    asked = request.GET.get("fois", "")
    if not row.rrule or not asked:
        return row.starts_at
    try:
        moment = datetime.strptime(asked, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError as e:
        raise Http404 from e
    if not recurrence.is_one(row.rrule, row.starts_at, ZoneInfo(row.zone), moment):
        raise Http404
    return moment


def enter_to_place(request, item_id: UUID) -> tuple[Viewer, queries.Waiting]:
    viewer = at_agenda(request)
    found = next((w for w in queries.to_place(viewer) if w.item.pk == item_id), None)
    if found is None:
        raise Http404
    return viewer, found
