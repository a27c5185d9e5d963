"""The verbs of the agenda: place, change, move, cancel, mark_done; keep_to_place, drop; be_away, come_back; open and close a feed.

`acting` is whoever a gate gave: a member of the circle (`Acting`), a desk, or a person in her own agenda (`Viewer`).
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind as Trace
from cercle.base.audit.record import record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.base.web import french
from cercle.people.circles.access import Acting
from cercle.people.circles.models import Member
from cercle.people.circles.vocabulary import Category, Permission
from cercle.people.directory.models import Organization, PracticeRole, Team

from . import queries, recurrence
from .models import Absence, Appointment, Calendar, Change, Entry, Feed, ToPlace
from .vocabulary import AbsenceKind, CalendarKind, Kind, Scope, State, What

FARTHEST = timedelta(days=366 * 3)
OLDEST = timedelta(days=366)
MOST_PEOPLE = 40


class Taken(Refused):
    """The time is not free. `rooms`: a room never holds two; people may, once told."""

    def __init__(self, message: str, *, rooms: bool):
        super().__init__(message, "taken")
        self.rooms = rooms


# --- Calendars ----------------------------------------------------------------------------------------------------------
def calendar_of(thing: PracticeRole | Team) -> Calendar:
    """Made when it is first needed."""
    if isinstance(thing, Team):
        return Calendar.objects.get_or_create(team=thing, defaults={"kind": CalendarKind.TEAM})[0]
    return Calendar.objects.get_or_create(practice_role=thing, defaults={"kind": CalendarKind.PERSON})[0]


def open_room(
    acting, *, organization: Organization, name: str, seats: int | None = None, note: str = ""
) -> Calendar:  # fmt: skip
    """A room of this structure that its people can take. Who may: the gate of the structure's file."""
    name = " ".join(name.split())[:120]
    if not name:
        raise Refused(_("Donnez un nom à la salle."), "empty")
    try:
        with transaction.atomic():
            room = Calendar.objects.create(
                kind=CalendarKind.ROOM, organization=organization, name=name, seats=seats, note=note.strip()[:300]
            )
            record(acting, "agenda.room_opened", on=room, kind=Trace.CREATE, details={"organization": organization.pk})
    except IntegrityError as e:
        raise Refused(_("Une salle porte déjà ce nom."), "twice") from e
    return room


def close_room(acting, *, room: Calendar) -> int:
    """What is placed in it stays placed; gives how many appointments still count on it."""
    with transaction.atomic():
        if not Calendar.objects.filter(pk=room.pk, closed_at=None).update(closed_at=timezone.now()):
            raise Refused(_("Cette salle est déjà retirée."), "room_closed")
        record(acting, "agenda.room_closed", on=room)
    standing = Entry.objects.filter(calendar=room, last_at__gt=timezone.now())
    return standing.exclude(appointment__state=State.CANCELLED).count()


# --- Appointments -------------------------------------------------------------------------------------------------------
def place(
    acting,
    *,
    kind: str,
    starts_at: datetime,
    minutes: int,
    title: str = "",
    zone: str = "",
    rrule: str = "",
    roles: Iterable[PracticeRole] | None = None,
    teams: Iterable[Team] = (),
    rooms: Iterable[Calendar] = (),
    place: str = "",
    commune_code: str = "",
    note: str = "",
    proposed: bool = False,
    reminder: int | None = None,
    hidden: int = 0,
    anyway: bool = False,
    item: ToPlace | None = None,
) -> Appointment:
    """An appointment of this circle, or of nobody's. `roles`: whose agendas, by default the one who acts.

    `item`: the thing to place that this settles. Whoever has no agenda only proposes. Raises `Taken` when somebody is not free (unless `anyway`) or a room is
    not (always); Refused: dates, repetition, rights.
    """
    circle_id = acting.circle_id if isinstance(acting, Acting) else None
    _may_write(acting)
    clock = recurrence.zone_of(zone or settings.TIME_ZONE)
    kind = _kind(kind)
    if kind == Kind.PRIVATE and circle_id:
        raise Refused(_("Un temps personnel ne concerne aucun patient."), "private")
    roles = [acting.practice_role] if roles is None else list(dict.fromkeys(roles))
    roles = [r for r in roles if r is not None]
    teams, rooms = list(teams), list(rooms)
    if not (roles or teams):
        raise Refused(_("Dites dans quel agenda."), "nobody")
    _may_invite(acting, roles, teams, rooms)
    starts_at = starts_at.astimezone(UTC).replace(second=0, microsecond=0)
    _dates(starts_at, minutes)
    title = " ".join(title.split())[:160]
    if not (title or circle_id or kind == Kind.PRIVATE):
        raise Refused(_("Écrivez en quelques mots de quoi il s’agit."), "empty")
    if circle_id and kind == Kind.VISIT and not commune_code:
        commune_code = acting.patient.coordinates.commune_code if acting.patient.coordinates else ""
    row = Appointment(
        circle_id=circle_id, organization_id=acting.practice_role.organization_id if acting.practice_role else None,
        kind=kind, title=title, place=" ".join(place.split())[:160], commune_code=commune_code[:5],
        note=note.strip()[:1000], starts_at=starts_at, minutes=minutes, zone=str(clock), reminder=reminder, hidden=hidden,
        state=State.PROPOSED if proposed or acting.practice_role_id is None else State.PLACED, author_user_id=acting.user_id,
        author_role_id=acting.practice_role_id, author_name=(acting.actor_name or "")[:200],
    )  # fmt: skip
    _repeat(row, rrule, clock)
    with transaction.atomic():
        calendars = [*map(calendar_of, roles), *map(calendar_of, teams), *rooms]
        _free(row, calendars, anyway=anyway)
        if not anyway:
            _there(row, [r.pk for r in roles])
        row.save(force_insert=True)
        _enter(row, calendars)
        if item is not None and not ToPlace.objects.filter(pk=item.pk, appointment=None).update(appointment=row):
            raise Refused(_("Un collègue vient de le placer."), "placed")
        _changed(acting, row, What.PLACED, to_at=starts_at)
        _told(acting, "agenda.placed", row, calendars, Trace.CREATE)
    return row


def change(
    acting, *, appointment: Appointment, title: str | None = None, place: str | None = None, note: str | None = None,
    proposed: bool | None = None, reminder: int | None = None, kind: str | None = None, occurrence_at: datetime | None = None,
    scope: str = Scope.ALL, join: Iterable[PracticeRole | Team] = (), leave: Iterable[PracticeRole | Team] = (),
    rooms: Iterable[Calendar] | None = None, anyway: bool = False,
) -> Appointment:  # fmt: skip
    """Its words, who is there, where. `rooms` None: the same. Of a series: this one, this one and those after it, or all."""
    with transaction.atomic():
        row = _locked(appointment)
        was = occurrence_at or row.starts_at
        if row.rrule and scope == Scope.ONE:
            _is_one(row, was)
            row = _except(row, was, _calendars(row))
        elif row.rrule and scope == Scope.FOLLOWING and was > row.starts_at:
            _is_one(row, was)
            row = _split(row, was, timedelta(0), row.minutes, _calendars(row), anyway=True)
        if title is not None:
            row.title = " ".join(title.split())[:160]
        if place is not None:
            row.place = " ".join(place.split())[:160]
        if note is not None:
            row.note = note.strip()[:1000]
        if proposed is not None and row.state != State.DONE:
            row.state = State.PROPOSED if proposed else State.PLACED
        if kind is not None:
            row.kind = _kind(kind)
        row.reminder = reminder
        if row.kind == Kind.PRIVATE and row.circle_id:
            raise Refused(_("Un temps personnel ne concerne aucun patient."), "private")
        if not (row.title or row.circle_id or row.kind == Kind.PRIVATE):
            raise Refused(_("Écrivez en quelques mots de quoi il s’agit."), "empty")
        row.save(update_fields=["title", "place", "note", "state", "reminder", "kind"])
        joined = _regather(acting, row, list(join), {r.pk for r in leave}, rooms, anyway=anyway)
        _changed(acting, row, What.CHANGED, scope=scope if appointment.rrule else "")
        _told(acting, "agenda.changed", row, _calendars(row), joined=joined)
    return row


def _regather(
    acting, row: Appointment, join: list, leave: set, rooms: Iterable[Calendar] | None, *, anyway: bool
) -> list[Calendar]:
    """Brings people, teams and rooms in and out; the calendars of who came."""
    here = _calendars(row)
    rooms = [c for c in here if c.kind == CalendarKind.ROOM] if rooms is None else list(rooms)
    new_rooms = [c for c in rooms if c not in here]
    teams = [x for x in join if isinstance(x, Team)]
    _may_invite(acting, [x for x in join if x not in teams], teams, new_rooms)
    people = [c for c in here if c.kind != CalendarKind.ROOM and (c.practice_role_id or c.team_id) not in leave]
    came = [c for c in map(calendar_of, join) if c not in here]
    if not (people or came):
        raise Refused(_("Dites dans quel agenda."), "nobody")
    _free(row, [*came, *new_rooms], anyway=anyway, leave_out=[row.pk])
    if not anyway:
        _there(row, [c.practice_role_id for c in came if c.practice_role_id])
    Entry.objects.filter(appointment=row).exclude(calendar__in=[*people, *came, *rooms]).delete()
    _enter(row, [*came, *new_rooms])
    return came


def move(
    acting,
    *,
    appointment: Appointment,
    starts_at: datetime,
    minutes: int | None = None,
    occurrence_at: datetime | None = None,
    scope: str = Scope.ONE,
    anyway: bool = True,
) -> Appointment:
    """To another time or length. Of a series: this one (`occurrence_at`), this one and those after it, or all of them.

    Gives the row that now holds that occurrence. A room that is taken refuses; people who are not free are marked on screen.
    """
    starts_at = starts_at.astimezone(UTC).replace(second=0, microsecond=0)
    with transaction.atomic():
        row = _locked(appointment)
        minutes = minutes or row.minutes
        _dates(starts_at, minutes)
        was = occurrence_at or row.starts_at
        calendars = _calendars(row)
        if not row.rrule:
            new = _shift(row, starts_at, minutes, calendars, anyway)
        else:
            _is_one(row, was)
            zone = ZoneInfo(row.zone)
            shift = recurrence.wall(starts_at, zone) - recurrence.wall(was, zone)
            if scope == Scope.ALL or (scope == Scope.FOLLOWING and was == row.starts_at):
                new = _shift_series(row, shift, minutes, calendars, anyway)
            elif scope == Scope.FOLLOWING:
                new = _split(row, was, shift, minutes, calendars, anyway)
            else:
                new = _except(row, was, calendars, starts_at=starts_at, minutes=minutes, anyway=anyway)
        _changed(acting, new, What.MOVED, from_at=was, to_at=starts_at, scope=scope if row.rrule else "")
        _told(acting, "agenda.moved", new, calendars)
    return new


def cancel(
    acting, *, appointment: Appointment, occurrence_at: datetime | None = None, scope: str = Scope.ONE, reason: str = ""
) -> Appointment:
    """It leaves the agendas and stays in the history."""
    with transaction.atomic():
        row = _locked(appointment)
        was, calendars = occurrence_at or row.starts_at, _calendars(row)
        gone = row
        if row.rrule and scope == Scope.ONE:
            _is_one(row, was)
            gone = _except(row, was, calendars, state=State.CANCELLED, cancelled_at=timezone.now())
        elif row.rrule and scope == Scope.FOLLOWING and was > row.starts_at:
            _is_one(row, was)
            _end_before(row, was)
            _forget(Appointment.objects.filter(series=row, occurrence_at__gte=was))
        else:
            _forget(Appointment.objects.filter(series=row))
            _forget(Appointment.objects.filter(pk=row.pk))
        reason = " ".join(reason.split())[:400]
        _changed(acting, gone, What.CANCELLED, from_at=was, scope=scope if row.rrule else "", reason=reason)
        _told(acting, "agenda.cancelled", gone, calendars, reason=reason)
    return gone


def mark_done(acting, *, appointment: Appointment, occurrence_at: datetime | None = None) -> Appointment:
    """It took place. Of a series, only that time."""
    with transaction.atomic():
        row = _locked(appointment)
        was, now = occurrence_at or row.starts_at, timezone.now()
        if was > now + timedelta(hours=12):
            raise Refused(_("Ce rendez-vous n’a pas encore eu lieu."), "future")
        if row.rrule:
            _is_one(row, was)
            row = _except(row, was, _calendars(row), state=State.DONE, done_at=now)
        else:
            row.state, row.done_at = State.DONE, now
            row.save(update_fields=["state", "done_at"])
        _changed(acting, row, What.DONE, from_at=was)
        _told(acting, "agenda.done", row, _calendars(row))
    return row


# --- Things to place ----------------------------------------------------------------------------------------------------
def keep_to_place(
    acting, *, kind: str, minutes: int = 60, title: str = "", due_at: datetime | None = None,
    role: PracticeRole | None = None, source_type: str = "", source_id: UUID | None = None,
) -> ToPlace:  # fmt: skip
    """« À placer »: in one's own list, or a colleague's (`role`). About the circle when `acting` is one of its members."""
    _may_write(acting)
    role = role or acting.practice_role
    _may_invite(acting, [role], [], [])
    title = " ".join(title.split())[:160]
    circle_id = acting.circle_id if isinstance(acting, Acting) else None
    if not (title or circle_id):
        raise Refused(_("Écrivez en quelques mots de quoi il s’agit."), "empty")
    _length(minutes)
    with transaction.atomic():
        item = ToPlace.objects.create(
            practice_role=role, circle_id=circle_id, kind=_kind(kind), title=title, minutes=minutes, due_at=due_at,
            source_type=source_type, source_id=source_id, author_user_id=acting.user_id,
        )  # fmt: skip
        record(acting, "agenda.to_place_added", on=item, kind=Trace.CREATE)
    return item


def drop(acting, *, item: ToPlace) -> None:
    with transaction.atomic():
        ToPlace.objects.filter(pk=item.pk, appointment=None).update(dropped_at=timezone.now())
        record(acting, "agenda.to_place_dropped", on=item, circle_id=item.circle_id)


# --- Absences -----------------------------------------------------------------------------------------------------------
def be_away(
    acting, *, kind: str, starts_on: date, ends_on: date, cover: PracticeRole | None = None,
    role: PracticeRole | None = None,
) -> Absence:  # fmt: skip
    """Whole days, both included. `role`: a colleague, noted by who keeps the desk or the structure."""
    role = role or acting.practice_role
    if role.organization_id != acting.practice_role.organization_id and role.pk != acting.practice_role_id:
        raise Refused(_("On ne note que l’absence d’un collègue de sa structure."), "not_yours")
    if kind not in AbsenceKind.values:
        raise Refused(_("Ce motif d’absence n’existe pas."), "vocabulary")
    if ends_on < starts_on:
        raise Refused(_("Le retour ne peut pas précéder le départ."), "dates")
    if (ends_on - starts_on).days > 366 or abs((starts_on - timezone.localdate()).days) > 2 * 366:
        raise Refused(_("Cette absence est trop longue ou trop lointaine. Vérifiez l’année."), "dates")
    if cover is not None and (cover.pk == role.pk or cover.organization_id != role.organization_id):
        raise Refused(_("La personne qui remplace est un collègue de la même structure."), "cover")
    with transaction.atomic():
        # Two who note the same absence at once wait for each other.
        PracticeRole.objects.select_for_update(of=("self",)).get(pk=role.pk)
        if same := queries.absences([role.pk], starts_on, ends_on):
            raise Refused(
                _("Une absence est déjà notée du %(a)s au %(b)s. Retirez-la d’abord.")
                % {"a": french.day(same[0].starts_on), "b": french.day(same[0].ends_on)},
                "twice",
            )
        row = Absence.objects.create(
            practice_role=role,
            kind=kind,
            starts_on=starts_on,
            ends_on=ends_on,
            cover=cover,
            author_user_id=acting.user_id,
        )
        record(acting, "agenda.absence_added", on=row, kind=Trace.CREATE)
    return row


def come_back(acting, *, absence: Absence) -> None:
    with transaction.atomic():
        Absence.objects.filter(pk=absence.pk, cancelled_at=None).update(cancelled_at=timezone.now())
        record(acting, "agenda.absence_removed", on=absence)


# --- Feeds --------------------------------------------------------------------------------------------------------------
MOST_FEEDS = 5


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_feed(acting, *, label: str = "") -> tuple[Feed, str]:
    """The feed and its secret, shown this once."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        if Feed.objects.filter(practice_role_id=acting.practice_role_id, revoked_at=None).count() >= MOST_FEEDS:
            raise Refused(_("Cinq liens au plus. Fermez-en un pour en ouvrir un autre."), "too_many")
        feed = Feed.objects.create(
            practice_role_id=acting.practice_role_id, user_id=acting.user_id, label=" ".join(label.split())[:60],
            token_hash=hashed(token),
        )  # fmt: skip
        record(acting, "agenda.feed_opened", on=feed, kind=Trace.CREATE)
    return feed, token


def close_feed(acting, *, feed: Feed) -> None:
    with transaction.atomic():
        Feed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=timezone.now())
        record(acting, "agenda.feed_closed", on=feed)


# --- Inside -------------------------------------------------------------------------------------------------------------
def _kind(kind: str) -> str:
    if kind not in Kind.values:
        raise Refused(_("Ce type de rendez-vous n’existe pas."), "vocabulary")
    return kind


def _may_write(acting) -> None:
    if isinstance(acting, Acting) and not (
        acting.may(Permission.WRITE_AGENDA) and Category.APPOINTMENTS in acting.writable
    ):
        raise Refused(_("Votre profil ne permet pas de poser un rendez-vous dans ce cercle."), "rights")


def _may_invite(acting, roles, teams, rooms) -> None:
    """People of the circle and colleagues; teams and rooms of one's structure."""
    organization_id = acting.practice_role.organization_id if acting.practice_role else None
    others = [
        r for r in roles
        if r.pk != acting.practice_role_id and (organization_id is None or r.organization_id != organization_id)
    ]  # fmt: skip
    if others and isinstance(acting, Acting):
        inside = set(
            Member.objects.filter(circle_id__in=acting.circles, ended_at=None, practice_role__in=others).values_list(
                "practice_role_id", flat=True
            )
        )
        others = [r for r in others if r.pk not in inside]
    foreign = [t for t in (*teams, *rooms) if t.organization_id != organization_id or organization_id is None]
    if others or foreign or len(roles) > MOST_PEOPLE:
        raise Refused(_("On n’invite que les membres du cercle et les collègues de sa structure."), "not_yours")


def _length(minutes: int) -> None:
    if not 5 <= minutes <= 1440:
        raise Refused(_("Un rendez-vous dure de cinq minutes à un jour."), "length")


def _dates(starts_at: datetime, minutes: int) -> None:
    _length(minutes)
    now = timezone.now()
    if starts_at > now + FARTHEST:
        raise Refused(_("Cette date est trop lointaine. Vérifiez l’année."), "too_far")
    if starts_at < now - OLDEST:
        raise Refused(_("Cette date est trop ancienne. Vérifiez l’année."), "too_old")


def _repeat(row: Appointment, rule: str, zone: ZoneInfo) -> None:
    """Sets rule and end."""
    last = row.starts_at
    if rule:
        rule, last = recurrence.checked(rule, row.starts_at, zone)
    row.rrule, row.last_at = rule, last + timedelta(minutes=row.minutes)


def _free(row: Appointment, calendars: list[Calendar], *, anyway: bool, leave_out: Iterable[UUID] = ()) -> None:
    rooms = [c for c in calendars if c.kind == CalendarKind.ROOM]
    if rooms:
        # Two people who take the same room at once wait for each other here.
        list(Calendar.objects.select_for_update().filter(pk__in=[r.pk for r in rooms]).order_by("pk"))
    asked = rooms if anyway else calendars
    found = queries.conflicts(asked, queries.occurrences(row), leave_out=leave_out)
    if taken := [c for c in found if c.calendar.kind == CalendarKind.ROOM]:
        raise Taken(
            _("%(room)s est déjà prise %(when)s.") % {"room": taken[0].calendar.name, "when": french.moment_long(taken[0].at)},
            rooms=True,
        )  # fmt: skip
    if found:
        said = sorted(
            {
                f"{queries.name_of(c.calendar)}, {french.moment_long(c.at)}"
                for c in found
                if c.calendar.kind == CalendarKind.PERSON
            }
        )
        if said:
            raise Taken(_("Déjà pris : %(who)s.") % {"who": " ; ".join(said[:4])}, rooms=False)


def _there(row: Appointment, role_ids: list[UUID]) -> None:
    """Refused, to be confirmed, when somebody is away on one of these days."""
    days = sorted({french.as_day(begin) for begin, _end in queries.occurrences(row)})
    away = [
        a for a in queries.absences(role_ids, days[0], days[-1])
        if any(a.starts_on <= day <= a.ends_on for day in days)
    ]  # fmt: skip
    if away:
        said = [
            _("%(who)s, du %(a)s au %(b)s")
            % {"who": a.practice_role.practitioner.display_name, "a": french.short_day(a.starts_on), "b": french.short_day(a.ends_on)}
            for a in away[:4]
        ]  # fmt: skip
        raise Taken(_("Absence notée : %(who)s.") % {"who": " ; ".join(said)}, rooms=False)


def _enter(row: Appointment, calendars: Iterable[Calendar]) -> None:
    Entry.objects.bulk_create(
        Entry(calendar=c, appointment=row, starts_at=row.starts_at, last_at=row.last_at, spans=bool(row.rrule))
        for c in {c.pk: c for c in calendars}.values()
    )


def _locked(appointment: Appointment) -> Appointment:
    row = Appointment.objects.select_for_update().filter(pk=appointment.pk).first()
    if row is None or row.state == State.CANCELLED:
        raise Refused(_("Ce rendez-vous a été annulé."), "cancelled")
    return row


def _calendars(row: Appointment) -> list[Calendar]:
    return list(Calendar.objects.filter(entries__appointment=row).select_related("practice_role__practitioner", "team"))


def _is_one(row: Appointment, moment: datetime) -> None:
    changed = Appointment.objects.filter(series=row, occurrence_at=moment).exists()
    if changed or not recurrence.is_one(row.rrule, row.starts_at, ZoneInfo(row.zone), moment):
        raise Refused(_("Ce rendez-vous a été changé entre-temps. Rouvrez l’agenda."), "changed")


def _shift(row: Appointment, starts_at, minutes, calendars, anyway) -> Appointment:
    row.starts_at, row.minutes = starts_at, minutes
    row.last_at = starts_at + timedelta(minutes=minutes)
    _free(row, calendars, anyway=anyway, leave_out=[row.pk])
    row.save(update_fields=["starts_at", "minutes", "last_at"])
    Entry.objects.filter(appointment=row).update(starts_at=row.starts_at, last_at=row.last_at)
    return row


def _shift_series(row: Appointment, shift: timedelta, minutes, calendars, anyway) -> Appointment:
    """All of them; what had been changed by hand keeps its own time."""
    zone = ZoneInfo(row.zone)
    old = recurrence.wall(row.starts_at, zone)
    exceptions = list(Appointment.objects.select_for_update().filter(series=row))
    rule = recurrence.moved(row.rrule, old, old + shift, zone)
    row.starts_at, row.minutes = recurrence.on_clock(old + shift, zone), minutes
    _repeat(row, rule, zone)
    _free(row, calendars, anyway=anyway, leave_out=[row.pk])
    row.save(update_fields=["starts_at", "minutes", "rrule", "last_at"])
    Entry.objects.filter(appointment=row).update(starts_at=row.starts_at, last_at=row.last_at)
    _follow(exceptions, row, shift, zone)
    return row


def _split(row: Appointment, was: datetime, shift: timedelta, minutes, calendars, anyway) -> Appointment:
    """The series ends before this one; another begins with it."""
    zone = ZoneInfo(row.zone)
    rule = recurrence.from_there(row.rrule, row.starts_at, zone, was, shift)
    new = _copy(row, starts_at=recurrence.on_clock(recurrence.wall(was, zone) + shift, zone), minutes=minutes)
    _repeat(new, rule, zone)
    exceptions = list(Appointment.objects.select_for_update().filter(series=row, occurrence_at__gte=was))
    _end_before(row, was)
    _free(new, calendars, anyway=anyway, leave_out=[row.pk])
    new.save(force_insert=True)
    _enter(new, calendars)
    _follow(exceptions, new, shift, zone)
    return new


def _follow(exceptions: list[Appointment], series: Appointment, shift: timedelta, zone: ZoneInfo) -> None:
    """Occurrences changed by hand stay so: the time they stand for is the series' new one."""
    for one in sorted(exceptions, key=lambda e: e.occurrence_at, reverse=shift > timedelta(0)):
        one.series = series
        one.occurrence_at = recurrence.on_clock(recurrence.wall(one.occurrence_at, zone) + shift, zone)
        one.save(update_fields=["series", "occurrence_at"])


def _except(row: Appointment, was: datetime, calendars, *, anyway: bool = True, **fields: Any) -> Appointment:
    """That one of the series, apart from now on."""
    one = _copy(row, **({"starts_at": was, "minutes": row.minutes} | fields))
    one.series, one.occurrence_at, one.rrule = row, was, ""
    one.last_at = one.starts_at + timedelta(minutes=one.minutes)
    if one.state != State.CANCELLED:
        _free(one, calendars, anyway=anyway, leave_out=[row.pk])
    try:
        with transaction.atomic():
            one.save(force_insert=True)
    except IntegrityError as e:
        raise Refused(_("Ce rendez-vous a été changé entre-temps. Rouvrez l’agenda."), "changed") from e
    if one.state != State.CANCELLED:
        _enter(one, calendars)
    return one


COPIED = (
    "circle_id", "organization_id", "kind", "title", "place", "commune_code", "note", "zone", "state", "reminder", "category",
    "hidden", "author_user_id", "author_role_id", "author_name", "minutes",
)  # fmt: skip


def _copy(row: Appointment, **fields: Any) -> Appointment:
    return Appointment(**({name: getattr(row, name) for name in COPIED} | fields))


def _end_before(row: Appointment, moment: datetime) -> None:
    zone = ZoneInfo(row.zone)
    rule = recurrence.before(row.rrule, row.starts_at, zone, moment)
    _repeat(row, rule, zone)
    row.save(update_fields=["rrule", "last_at"])
    Entry.objects.filter(appointment=row).update(last_at=row.last_at, spans=True)


def _forget(rows) -> None:
    rows.exclude(state=State.CANCELLED).update(state=State.CANCELLED, cancelled_at=timezone.now())


def _changed(acting, row: Appointment, what: str, **fields: Any) -> None:
    Change.objects.create(
        appointment=row, what=what, author_user_id=acting.user_id, author_role_id=acting.practice_role_id,
        author_name=(acting.actor_name or "")[:200], **fields,
    )  # fmt: skip


def _told(
    acting, action: str, row: Appointment, calendars, kind: Trace = Trace.UPDATE, reason: str = "", joined: Iterable[Calendar] = ()
) -> None:  # fmt: skip
    """The trace, and the open screens of those concerned."""
    record(
        acting, action, on=row, kind=kind, circle_id=row.circle_id, hidden=row.hidden, reason=reason,
        details={"by": str(acting.user_id or "")} | ({"joined": [str(c.pk) for c in joined]} if joined else {}),
    )  # fmt: skip
    users = queries.users_of([c.pk for c in calendars])
    push(*(f"user:{u}" for u in users), *([f"circle:{row.circle_id}"] if row.circle_id else []))


def feed_was_read(feed: Feed) -> None:
    """When a calendar last asked: shown beside its link, so that an unknown reader is noticed."""
    Feed.objects.filter(pk=feed.pk).update(last_read_at=timezone.now())
