"""The desk's rows: a request, its steps, who was asked, calls without a file, settings of the structure."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from cercle.base.common.models import Record

from . import deadlines
from .vocabulary import AskerKind, Channel, Doctor, How, Kind, Outcome, Reason, Reply, State, Urgency, Verb


class Sequence(models.Model):
    """The last number given by a structure in a year; its row is the lock."""

    pk = models.CompositePrimaryKey("organization_id", "year")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    year = models.SmallIntegerField()
    last = models.IntegerField(default=0)


class DeskSetting(Record):
    """Hours of open desk before an answer is due, by urgency; days the desk is closed beyond public holidays."""

    organization = models.OneToOneField("directory.Organization", models.PROTECT, related_name="desk_setting")
    hours = models.JSONField(default=dict)  # {"0": 24, "1": 16, "2": 4}
    closed_days = ArrayField(models.DateField(), default=list)
    alsace_moselle = models.BooleanField(default=False)
    public_form = models.BooleanField(default=True)


class RequestQuerySet(models.QuerySet):
    def of(self, organization):
        return self.filter(organization=organization)

    def open(self):
        return self.exclude(state=State.CLOSED)


class OrientationRequest(Record):
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    number = models.CharField(max_length=12)  # 2026-0412
    channel = models.CharField(max_length=10, choices=Channel.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.SUPPORT)
    level = models.SmallIntegerField(null=True)
    reason = models.CharField(max_length=12, choices=Reason.choices, default=Reason.OTHER)
    reason_text = models.TextField(blank=True)  # the asker's own words
    urgency = models.SmallIntegerField(choices=Urgency.choices, default=0)
    state = models.CharField(max_length=14, choices=State.choices, default=State.RECEIVED)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    outcome_text = models.TextField(blank=True)
    asker_kind = models.CharField(max_length=12, choices=AskerKind.choices)
    asker_name = models.CharField(max_length=160)
    asker_detail = models.CharField(max_length=160, blank=True)  # structure or relation
    asker_phone = models.CharField(max_length=30, blank=True)
    asker_email = models.CharField(max_length=254, blank=True)
    asker_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    asker_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, null=True, related_name="+")
    # Typed before a patient exists; all empty while the request is anonymous.
    person_family = models.CharField(max_length=100, blank=True)
    person_given = models.CharField(max_length=100, blank=True)
    person_birth_date = models.CharField(max_length=10, blank=True)
    person_sex = models.CharField(max_length=1, blank=True)
    person_phone = models.CharField(max_length=30, blank=True)
    commune_code = models.CharField(max_length=5, blank=True)
    commune_label = models.CharField(max_length=80, blank=True)
    doctor_informed = models.CharField(max_length=8, choices=Doctor.choices, blank=True)
    doctor_informed_on = models.DateField(null=True)
    person_informed_at = models.DateTimeField(null=True)
    who_knows = models.CharField(max_length=160, blank=True, db_default="")  # who else was told of the request
    assigned_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey("directory.Team", models.PROTECT, null=True, related_name="+")
    received_at = models.DateTimeField()
    first_contact_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)  # the first time; each answer is a step
    answer_how = models.CharField(max_length=10, choices=How.choices, blank=True)
    answer_text = models.TextField(blank=True)
    no_answer_reason = models.TextField(blank=True)  # the asker cannot be reached: why
    closed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    satisfaction = models.SmallIntegerField(null=True)  # 1 to 4, said by the asker
    satisfaction_text = models.TextField(blank=True)
    code_hash = models.CharField(max_length=64, blank=True)  # of the code given on the receipt of a public form
    version = models.IntegerField(default=1)
    client_ref = models.UUIDField(null=True, unique=True)  # one form makes one request
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="request_number"),
            # Rule 14: nobody who asked is left without an answer.
            models.CheckConstraint(
                name="request_closed_is_answered",
                condition=~Q(state=State.CLOSED)
                | (Q(answered_at__isnull=False) & ~Q(answer_how="") & ~Q(answer_text=""))
                | ~Q(no_answer_reason=""),
            ),
            models.CheckConstraint(
                name="request_closed_has_outcome",
                condition=~Q(state__in=(State.CLOSED, State.TO_ANSWER)) | ~Q(outcome=""),
            ),
            models.CheckConstraint(
                name="request_closed_at",
                condition=Q(state=State.CLOSED, closed_at__isnull=False)
                | (~Q(state=State.CLOSED) & Q(closed_at__isnull=True)),
            ),
            models.CheckConstraint(name="request_level", condition=Q(level=None) | Q(level__in=(1, 2, 3))),
            # Rule 7: only advice may stay anonymous; a named person was told so.
            models.CheckConstraint(
                name="request_named_is_informed", condition=Q(patient=None) | Q(person_informed_at__isnull=False)
            ),
            models.CheckConstraint(
                name="request_anonymous_is_advice",
                condition=~Q(outcome=Outcome.FILE) | Q(patient__isnull=False),
            ),
            models.CheckConstraint(name="request_has_an_asker", condition=~Q(asker_name="")),
            models.CheckConstraint(
                name="request_satisfaction", condition=Q(satisfaction=None) | Q(satisfaction__in=(1, 2, 3, 4))
            ),
        ]
        indexes = [
            # The desk reads open requests only, whatever the years behind.
            models.Index(fields=["organization", "due_at"], name="request_open", condition=~Q(state="closed")),
            models.Index(fields=["organization", "received_at"], name="request_received"),
            models.Index(fields=["organization", "closed_at"], name="request_closed", condition=Q(state="closed")),
            models.Index(fields=["due_at"], name="request_due", condition=~Q(state="closed")),
            models.Index(fields=["patient"], name="request_of", condition=Q(patient__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"request {self.pk}"  # no personal data in logs

    @property
    def is_closed(self) -> bool:
        return self.state == State.CLOSED

    @property
    def is_anonymous(self) -> bool:
        return not (self.person_family or self.patient_id)

    @property
    def title(self) -> str:
        if self.is_anonymous:
            return _("Demande anonyme")
        return f"{self.person_given} {self.person_family.upper()}".strip()

    @property
    def due_words(self) -> str:
        return deadlines.words(self.due_at)

    @property
    def must_answer(self) -> bool:
        return self.state == State.TO_ANSWER


class Step(Record):
    """What happened to a request, by whom. Written once (trigger in 0002)."""

    request = models.ForeignKey(OrientationRequest, models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=12, choices=Verb.choices)
    from_state = models.CharField(max_length=14, blank=True)
    to_state = models.CharField(max_length=14)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    author_user_id = models.UUIDField(null=True)
    author_role_id = models.UUIDField(null=True)
    author_name = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.CheckConstraint(name="step_has_an_author", condition=~Q(author_name=""))]
        indexes = [models.Index(fields=["request", "at"], name="step_of")]


class Solicitation(Record):
    """One resource asked for this request, and what it answered."""

    request = models.ForeignKey(OrientationRequest, models.PROTECT, related_name="solicitations")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="+")
    role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    resource_name = models.CharField(max_length=200)
    what = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    chased_at = models.DateTimeField(null=True)  # the last time; each one is a step
    state = models.CharField(max_length=10, choices=Reply.choices, default=Reply.SENT)
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="solicitation_named", condition=~Q(resource_name="")),
            models.CheckConstraint(
                name="solicitation_answered",
                condition=~Q(state__in=(Reply.ACCEPTED, Reply.REFUSED)) | Q(answered_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["request"], name="solicitation_of")]


class Call(Record):
    """A call that asked for no file: counted, never tied to a person."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    at = models.DateTimeField()
    minutes = models.SmallIntegerField(default=5)
    asker_kind = models.CharField(max_length=12, choices=AskerKind.choices)
    topic = models.CharField(max_length=12, choices=Reason.choices)
    text = models.TextField(blank=True)
    author_user_id = models.UUIDField()
    author_role_id = models.UUIDField(null=True)
    author_name = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["organization", "-at"], name="call_of")]


class Draft(Record):
    """The form being filled while talking; one a person and desk, gone when the request is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="orientation_one_draft")]


class SavedFilter(Record):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organization", "name"], name="orientation_filter_once")]
