"""The iCalendar feed: « Visite », its hours, the commune at most. Never a name, a title, a note: other people's servers keep it."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from icalendar import Calendar as Ical
from icalendar import Event, Timezone, vRecur

from cercle.people.directory.models import Commune, PracticeRole

from . import queries, recurrence
from .models import Appointment, Entry
from .vocabulary import Kind, State

PAST, AHEAD = timedelta(days=31), timedelta(days=366)


def feed(role: PracticeRole) -> bytes:
    """A month behind, a year ahead."""
    now = timezone.now()
    entries = Entry.objects.filter(
        calendar__in=queries.calendars_of(role.pk), last_at__gt=now - PAST, starts_at__lt=now + AHEAD
    ).exclude(appointment__state=State.CANCELLED)
    found = {e.appointment_id: e.appointment for e in entries.select_related("appointment").order_by("starts_at")}
    rows, series = list(found.values()), {pk for pk, row in found.items() if row.rrule}
    # The times of a series that are cancelled, or that she no longer takes part in.
    out: dict = {}
    for one in Appointment.objects.filter(series__in=series).exclude(pk__in=found):
        out.setdefault(one.series_id, []).append(one.occurrence_at)
    communes = dict(
        Commune.objects.filter(code__in={r.commune_code for r in rows}, kind__in=("COM", "ARM")).values_list(
            "code", "name"
        )
    )
    calendar = Ical()
    calendar.add("prodid", "-//Cercle//Agenda//FR")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for name in sorted({r.zone for r in rows if r.rrule or r.series_id}):
        calendar.add_component(Timezone.from_tzinfo(ZoneInfo(name)))
    for row in rows:
        calendar.add_component(_event(row, out.get(row.pk, ()), series, communes))
    return calendar.to_ical()


def _event(row: Appointment, out, series, communes) -> Event:
    event = Event()
    zone = ZoneInfo(row.zone)
    apart = row.series_id if row.series_id in series else None
    local = bool(row.rrule or apart)

    def shown(moment):
        return moment.astimezone(zone if local else UTC)

    event.add("uid", f"{apart or row.pk}@cercle")
    event.add("dtstamp", row.recorded_at)
    event.add("dtstart", shown(row.starts_at))
    event.add("dtend", shown(row.starts_at + timedelta(minutes=row.minutes)))
    event.add("summary", str(Kind(row.kind).label))
    if row.kind == Kind.VISIT and (commune := communes.get(row.commune_code)):
        event.add("location", commune)
    event.add("status", "TENTATIVE" if row.state == State.PROPOSED else "CONFIRMED")
    event.add("class", "PRIVATE")
    if apart:
        event.add("recurrence-id", shown(row.occurrence_at))
    if row.rrule:
        event.add("rrule", vRecur.from_ical(recurrence.join(recurrence.parts(row.rrule))))
        for moment in out:
            event.add("exdate", shown(moment))
    return event
