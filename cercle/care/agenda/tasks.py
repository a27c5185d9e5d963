"""Who is told of an appointment, and the reminders. Messages say « un rendez-vous », nothing more."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation

from . import queries, recurrence
from .models import Appointment
from .vocabulary import CalendarKind, State

FARTHEST = timedelta(days=2)  # no reminder is longer before


@task(queue="notify", retry=3)
def tell(appointment_id: str, what: str, by: str | None = None, only: list[str] | None = None) -> None:
    """The others in whose agenda it stands; `only` some of these calendars."""
    row = Appointment.objects.filter(pk=appointment_id).first()
    if row is None:
        return
    last = row.changes.order_by("-id").values_list("pk", flat=True).first()
    told = {u: Relation.NAMED for u in _people(row, only) if str(u) != str(by)}
    notify(
        "appointment", users=told, circle_id=row.circle_id, target=row, hidden=row.hidden, params={"what": what},
        once=str(last or what),
    )  # fmt: skip


@task(queue="notify")
def remind() -> None:
    """Each reminder once, whatever the delay of the job: « once » is the occurrence."""
    now = timezone.now()
    rows = Appointment.objects.filter(reminder__isnull=False, state__in=[State.PLACED, State.PROPOSED])
    due = rows.filter(
        Q(rrule="", starts_at__gt=now, starts_at__lt=now + FARTHEST) | (~Q(rrule="") & Q(last_at__gt=now))
    )
    for row in due.iterator(chunk_size=500):
        ahead = now + timedelta(minutes=row.reminder)
        if row.rrule:
            moments = list(recurrence.starts(row.rrule, row.starts_at, ZoneInfo(row.zone), now, ahead))
            changed = set(row.exceptions.filter(occurrence_at__in=moments).values_list("occurrence_at", flat=True))
            moments = [m for m in moments if m not in changed]
        else:
            moments = [row.starts_at] if row.starts_at <= ahead else []
        for at in moments:
            notify(
                "appointment", users=dict.fromkeys(_people(row), Relation.NAMED), circle_id=row.circle_id, target=row,
                hidden=row.hidden, params={"what": "reminder", "at": at.isoformat()}, once=at.strftime("%Y%m%dT%H%MZ"),
            )  # fmt: skip


def _people(row: Appointment, only: list[str] | None = None) -> list:
    calendars = row.calendars.exclude(kind=CalendarKind.ROOM)
    if only is not None:
        calendars = calendars.filter(pk__in=only)
    return queries.users_of(calendars.values_list("pk", flat=True))
