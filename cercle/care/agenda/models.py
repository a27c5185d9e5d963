"""Agendas of people, teams and rooms; appointments, once or repeated; things to place; absences; feeds.

A patient's agenda has no row of its own: it is her circle's appointments.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows
from cercle.people.circles.vocabulary import Category

from .vocabulary import AbsenceKind, CalendarKind, Kind, State, What


class Calendar(Record):
    kind = models.CharField(max_length=8, choices=CalendarKind)
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey("directory.Team", models.PROTECT, null=True, related_name="+")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="room_calendars")
    # Of a room; its screen is the structure's file.
    name = models.CharField(max_length=120, blank=True, db_default="")
    seats = models.PositiveSmallIntegerField(null=True)
    note = models.CharField(max_length=300, blank=True, db_default="")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="calendar_is_one_thing",
                condition=Q(kind="person", practice_role__isnull=False, team=None, organization=None)
                | Q(kind="team", practice_role=None, team__isnull=False, organization=None)
                | (Q(kind="room", practice_role=None, team=None, organization__isnull=False) & ~Q(name="")),
            ),
            models.UniqueConstraint("practice_role", name="calendar_of_role"),
            models.UniqueConstraint("team", name="calendar_of_team"),
            models.UniqueConstraint("organization", "name", name="calendar_room", condition=Q(closed_at=None)),
        ]


class AppointmentQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting):
        """A circle's appointments, for its members."""
        return self.filter(visible_rows(acting))

    def standing(self):
        return self.exclude(state=State.CANCELLED)


class Appointment(Record):
    """One appointment, or a series of them (`rrule`), or one occurrence of a series that differs (`series`, `occurrence_at`).

    Instants are UTC; a series repeats on the clock of `zone`, so that 9 h stays 9 h across daylight saving.
    """

    calendars = models.ManyToManyField(Calendar, through="Entry", related_name="appointments")
    circle = models.ForeignKey("circles.Circle", models.PROTECT, null=True, related_name="appointments")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    title = models.CharField(max_length=160, blank=True)  # what for; the person's name is never copied here
    place = models.CharField(max_length=160, blank=True)
    commune_code = models.CharField(max_length=5, blank=True)  # where travel is counted from
    note = models.CharField(max_length=1000, blank=True)
    starts_at = models.DateTimeField()
    minutes = models.PositiveIntegerField()
    zone = models.CharField(max_length=40, default="Europe/Paris")  # IANA
    rrule = models.CharField(max_length=300, blank=True)  # RFC 5545, always bounded by COUNT or UNTIL
    last_at = models.DateTimeField()  # end of the last occurrence
    series = models.ForeignKey("self", models.PROTECT, null=True, related_name="exceptions")
    occurrence_at = models.DateTimeField(null=True)  # start that the series would have given
    state = models.CharField(max_length=10, choices=State, default=State.PLACED)
    reminder = models.PositiveIntegerField(null=True)  # minutes before
    category = models.CharField(max_length=16, default=Category.APPOINTMENTS)
    hidden = models.IntegerField(default=0)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="appointment_lasts", condition=Q(minutes__gte=5, minutes__lte=1440)),
            models.CheckConstraint(name="appointment_ends_after", condition=Q(last_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="appointment_series_bounded",
                condition=Q(rrule="") | Q(rrule__contains="COUNT=") | Q(rrule__contains="UNTIL="),
            ),
            models.CheckConstraint(
                name="appointment_exception",
                condition=Q(series=None, occurrence_at=None)
                | Q(series__isnull=False, occurrence_at__isnull=False, rrule=""),
            ),
            # What is private is about nobody but oneself.
            models.CheckConstraint(name="appointment_private", condition=~Q(kind="private") | Q(circle=None)),
            models.CheckConstraint(
                name="appointment_says_something", condition=~Q(title="") | Q(circle__isnull=False) | Q(kind="private")
            ),
            models.UniqueConstraint("series", "occurrence_at", name="appointment_occurrence"),
        ]
        indexes = [
            models.Index(
                "circle", "last_at", name="appointment_of_circle", condition=Q(circle__isnull=False) & ~Q(state="cancelled")
            ),
            models.Index(
                "starts_at", name="appointment_to_remind",
                condition=Q(reminder__isnull=False, state__in=["placed", "proposed"], rrule=""),
            ),
            models.Index(
                "last_at", name="appointment_to_remind_again",
                condition=Q(reminder__isnull=False, state__in=["placed", "proposed"]) & ~Q(rrule=""),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"appointment {self.pk}"  # no personal data in logs

    @property
    def repeats(self) -> bool:
        return bool(self.rrule)


class Entry(models.Model):
    """An appointment in one calendar. `starts_at`, `last_at`, `spans` are the appointment's, copied for the index.

    A week reads what starts in it (no appointment outlasts a day) and the few series still running.
    """

    pk = models.CompositePrimaryKey("calendar_id", "appointment_id")
    calendar = models.ForeignKey(Calendar, models.PROTECT, related_name="entries")
    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="entries", db_index=True)
    starts_at = models.DateTimeField()
    last_at = models.DateTimeField()
    spans = models.BooleanField(default=False)  # a series

    class Meta:
        indexes = [
            models.Index("calendar", "starts_at", name="entry_once", condition=Q(spans=False)),
            models.Index("calendar", "last_at", name="entry_series", condition=Q(spans=True)),
        ]


class Change(Record):
    """What happened to an appointment: by whom, when, from which time to which."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="changes")
    what = models.CharField(max_length=10, choices=What)
    at = models.DateTimeField(db_default=Now())
    from_at = models.DateTimeField(null=True)
    to_at = models.DateTimeField(null=True)
    scope = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index("appointment", "id", name="change_of_appointment")]


class ToPlace(Record):
    """« À placer »: what must find its hour before a day. It leaves the list by an appointment, or is dropped."""

    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    circle = models.ForeignKey("circles.Circle", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    title = models.CharField(max_length=160, blank=True)
    minutes = models.PositiveIntegerField(default=60)
    due_at = models.DateTimeField(null=True)
    category = models.CharField(max_length=16, default=Category.APPOINTMENTS)
    hidden = models.IntegerField(default=0)
    source_type = models.CharField(max_length=60, blank=True)  # the plan's action, the desk's request it comes from
    source_id = models.UUIDField(null=True)
    appointment = models.ForeignKey(Appointment, models.PROTECT, null=True, related_name="+")
    dropped_at = models.DateTimeField(null=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="toplace_says_something", condition=~Q(title="") | Q(circle__isnull=False)),
            models.CheckConstraint(name="toplace_lasts", condition=Q(minutes__gte=5, minutes__lte=1440)),
        ]
        indexes = [
            models.Index(
                "practice_role", "due_at", name="toplace_waiting", condition=Q(appointment=None, dropped_at=None)
            )
        ]


class Absence(Record):
    """Whole days, both included."""

    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=AbsenceKind)
    starts_on = models.DateField()
    ends_on = models.DateField()
    cover = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="absence_ends_after_start", condition=Q(ends_on__gte=F("starts_on"))),
            models.CheckConstraint(name="absence_covered_by_another", condition=~Q(cover=F("practice_role"))),
        ]
        indexes = [models.Index("practice_role", "ends_on", name="absence_of_role", condition=Q(cancelled_at=None))]


class Feed(Record):
    """A secret address that another calendar reads; only the secret's hash is kept."""

    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    label = models.CharField(max_length=60, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_read_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index("practice_role", name="feed_open", condition=Q(revoked_at=None))]
