"""Who is around one patient, on which ground, and what they may see.

The circle's id is the patient's id: one patient has one circle (docs/adr/0004).
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record

from .vocabulary import Category, Form, LegalGround, MemberKind


class Circle(models.Model):
    patient = models.OneToOneField("patients.Patient", models.PROTECT, primary_key=True, related_name="circle")
    opened_at = models.DateTimeField(db_default=models.functions.Now())
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lead = models.ForeignKey("Member", models.SET_NULL, null=True, related_name="+")
    # Merge as alias (datamodel.md section 6): rows do not move; `canon` is always the final target.
    canon = models.ForeignKey("self", models.PROTECT, null=True, related_name="absorbed")
    # Members of the absorbed circle cross only after a review.
    crossed_at = models.DateTimeField(null=True)
    has_absorbed = models.BooleanField(default=False)
    has_oppositions = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="circle_not_its_own_alias", condition=~Q(canon=F("patient"))),
            models.CheckConstraint(name="circle_crossed_needs_alias", condition=Q(crossed_at=None) | ~Q(canon=None)),
        ]
        # Few people refuse someone: a structure's lists ask who, at each page.
        indexes = [models.Index("patient", name="circle_with_oppositions", condition=Q(has_oppositions=True))]

    @property
    def id(self):
        return self.patient_id


class CircleCounter(models.Model):
    """Derived marks need these four numbers only; narrow and never indexed, so updates stay in the page (HOT).

    `open_seq`: last note that every full reader sees; `masked_seq`: last one that must be probed;
    a masked note must not light a mark.
    """

    circle = models.OneToOneField(Circle, models.CASCADE, primary_key=True, related_name="counter")
    note_seq = models.IntegerField(default=0)
    open_seq = models.IntegerField(default=0)
    masked_seq = models.IntegerField(default=0)
    urgent_seq = models.IntegerField(default=0)


class MemberQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_at=None)

    def of(self, circle):
        return self.filter(circle=circle)


class Member(Record):
    """Dated participation: the ground of every right. Never deleted; ended."""

    circle = models.ForeignKey(Circle, models.PROTECT, related_name="members")
    kind = models.CharField(max_length=16, choices=MemberKind.choices)
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="memberships")
    team = models.ForeignKey("directory.Team", models.PROTECT, null=True, related_name="memberships")
    contact = models.ForeignKey("patients.Contact", models.PROTECT, null=True, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="memberships")
    api_client = models.ForeignKey("accounts.ApiClient", models.PROTECT, null=True, related_name="memberships")
    profile = models.CharField(max_length=24)
    reader_mask = models.IntegerField()
    role = models.CharField(_("rôle dans le cercle"), max_length=120, blank=True)
    ground = models.CharField(max_length=24, choices=LegalGround.choices)
    consent = models.ForeignKey("Consent", models.PROTECT, null=True, related_name="members")
    reason = models.CharField(max_length=400, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)  # a replacement or delegation ends by itself
    end_reason = models.CharField(max_length=400, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    added_by_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="member_is_one_thing",
                condition=(
                    Q(kind="practice_role", practice_role__isnull=False, team=None, api_client=None, contact=None)
                    | Q(kind="team", team__isnull=False, practice_role=None, api_client=None, user=None, contact=None)
                    | Q(kind="relative", contact__isnull=False, practice_role=None, team=None, api_client=None)
                    | Q(kind="patient", practice_role=None, team=None, api_client=None, contact=None)
                    | Q(kind="connector", api_client__isnull=False, practice_role=None, team=None, contact=None)
                ),
            ),
            models.CheckConstraint(
                name="member_ends_after_start", condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at"))
            ),
            models.UniqueConstraint(
                "circle",
                "practice_role",
                name="member_role_once",
                condition=Q(ended_at=None, practice_role__isnull=False),
            ),
            models.UniqueConstraint(
                "circle", "team", name="member_team_once", condition=Q(ended_at=None, team__isnull=False)
            ),
            models.UniqueConstraint(
                "circle", "contact", name="member_contact_once", condition=Q(ended_at=None, contact__isnull=False)
            ),
            models.UniqueConstraint("circle", name="member_patient_once", condition=Q(ended_at=None, kind="patient")),
            models.UniqueConstraint(
                "circle", "api_client", name="member_client_once", condition=Q(ended_at=None, api_client__isnull=False)
            ),
        ]
        indexes = [
            # Every look-up says `ended_at is null`, or it scans the table (datamodel.md section 3).
            models.Index(
                "practice_role", include=["circle", "profile", "reader_mask"], name="member_open_role",
                condition=Q(ended_at=None, practice_role__isnull=False),
            ),
            models.Index(
                "team", include=["circle", "profile", "reader_mask"], name="member_open_team",
                condition=Q(ended_at=None, team__isnull=False),
            ),
            models.Index(
                "user", include=["circle", "profile", "reader_mask"], name="member_open_user",
                condition=Q(ended_at=None, user__isnull=False),
            ),
        ]  # fmt: skip


class ConsentText(Record):
    """The very words shown; a new wording is a new version."""

    flow = models.CharField(max_length=12, choices=[("information", _("information")), ("consent", _("consentement"))])
    version = models.PositiveSmallIntegerField()
    body = models.TextField()
    published_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint("flow", "version", name="consent_text_version")]


class Consent(Record):
    """Information given (inside the care team) or prior consent (outside it): CSP L1110-4 III, L1110-12."""

    circle = models.ForeignKey(Circle, models.PROTECT, related_name="consents")
    flow = models.CharField(max_length=12)
    text = models.ForeignKey(ConsentText, models.PROTECT)
    given_by = models.CharField(max_length=16, choices=[
        ("person", _("la personne")), ("legal_rep", _("son représentant légal")), ("trusted", _("la personne de confiance")),
    ])  # fmt: skip
    form = models.CharField(max_length=12, choices=Form.choices)
    given_on = models.DateField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorded_by_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    scope = models.CharField(max_length=400, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")


class OppositionQuerySet(models.QuerySet):
    def active(self):
        return self.filter(lifted_at=None)

    def of(self, circle):
        """The person's, in whichever of her files, brought together, they were said."""
        root = circle.canon_id or circle.pk
        return self.filter(models.Q(circle_id=root) | models.Q(circle__canon_id=root))


class Opposition(Record):
    """The person's refusal about someone. Wins over every path: teams, break-glass, replacement (rule 4).

    Who: one practitioner, a whole profession, a structure, or one member (relative). About what: everything, one category,
    or one thing (`target_id`, e.g. a note).
    """

    circle = models.ForeignKey(Circle, models.PROTECT, related_name="oppositions")
    practitioner = models.ForeignKey("directory.Practitioner", models.PROTECT, null=True, related_name="+")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="+")
    profession = models.CharField(max_length=40, blank=True)  # "TRE_G15:21"
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    category = models.CharField(max_length=16, blank=True, choices=Category.choices)
    target_id = models.UUIDField(null=True)
    said_by = models.CharField(max_length=16, default="person")
    said_on = models.DateField(default=timezone.localdate)
    reason = models.CharField(max_length=400, blank=True)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = OppositionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="opposition_names_someone",
                condition=Q(practitioner__isnull=False)
                | Q(organization__isnull=False)
                | ~Q(profession="")
                | Q(user__isnull=False),
            ),
        ]
        indexes = [models.Index("circle", name="opposition_active", condition=Q(lifted_at=None))]


class BreakGlass(Record):
    """One emergency opening: 24 hours, a reason, notices at once, a review (rule 5)."""

    circle = models.ForeignKey(Circle, models.PROTECT, related_name="break_glasses")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    reason = models.CharField(max_length=1000)
    opened_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(
        max_length=16, blank=True, choices=[("justified", _("justifiée")), ("contested", _("contestée"))]
    )
    verdict_note = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="break_glass_24h",
                condition=Q(expires_at__gt=F("opened_at")) & Q(expires_at__lte=F("opened_at") + models.Value("24 hours", output_field=models.DurationField())),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index("user", "circle", name="break_glass_mine"),
            models.Index("circle", "opened_at", name="break_glass_circle"),
        ]


class JoinRequest(Record):
    """« Demander à rejoindre »: all that an outsider can do with a file that resembles hers."""

    circle = models.ForeignKey(Circle, models.PROTECT, related_name="join_requests")
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    message = models.CharField(max_length=1000, blank=True)
    asked_at = models.DateTimeField(db_default=models.functions.Now())
    state = models.CharField(max_length=12, default="waiting", choices=[
        ("waiting", _("en attente")), ("accepted", _("acceptée")), ("refused", _("refusée")),
    ])  # fmt: skip
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("circle", "practice_role", name="join_request_once", condition=Q(state="waiting")),
        ]


class RightsMatrix(Record):
    """A published version of the matrix; never edited. The newest is in force."""

    version = models.PositiveIntegerField(unique=True)
    data = models.JSONField()
    published_at = models.DateTimeField(db_default=models.functions.Now())
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")


class ClientRef(models.Model):
    """What a phone or a feed calls a row; a repeated send is kept once and a stranger's id can't be probed."""

    pk = models.CompositePrimaryKey("source", "circle_ref", "ref")
    source = models.UUIDField()
    circle_ref = models.UUIDField()
    ref = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    target_id = models.UUIDField()


class DocumentRef(models.Model):
    """FHIR masterIdentifier, unique per source and patient."""

    pk = models.CompositePrimaryKey("source", "patient_ref", "value")
    source = models.UUIDField()
    patient_ref = models.UUIDField()
    value = models.CharField(max_length=400)
    target_id = models.UUIDField()
