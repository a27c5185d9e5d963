"""Accounts: who may sign in, for which structure they answer, and what they were sent or accepted.

An account is not a professional: `User.practitioner` ties it to the directory, where the practice roles
(contexts of exercise) live. Rows here are never deleted; an account is deactivated.
"""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class Kind(models.TextChoices):
    """What an account is for. It bounds what the account can ever be given: support never reaches a patient."""

    PROFESSIONAL = "professional", _("professionnel")
    RELATIVE = "relative", _("proche")
    PATIENT = "patient", _("patient")
    SUPPORT = "support", _("assistance technique")
    OPERATOR = "operator", _("opérateur régional")


class UserManager(BaseUserManager.from_queryset(models.QuerySet)):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        """Without a password the account cannot sign in by password until a link sets one."""
        user = self.model(email=clean_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        return self.create_user(email, password, kind=Kind.OPERATOR, **fields)

    def get_by_natural_key(self, email: str) -> "User":
        return self.get(email=clean_email(email))


def clean_email(text: str) -> str:
    """Addresses are compared and kept in lower case, whole: no mailbox in use tells case apart."""
    return text.strip().lower()


class User(Record, AbstractBaseUser, PermissionsMixin):
    class Theme(models.TextChoices):
        AUTO = "auto", _("comme l’appareil")
        LIGHT = "light", _("clair")
        DARK = "dark", _("sombre")

    email = models.EmailField(max_length=254, unique=True)  # always lower case, see the constraint
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROFESSIONAL)
    practitioner = models.OneToOneField(
        "directory.Practitioner", models.PROTECT, null=True, blank=True, related_name="user"
    )
    # The context of exercise taken at the next sign-in; the session's own choice goes first.
    last_context = models.ForeignKey("directory.PracticeRole", models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=8, default="fr")
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    deactivated_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    deactivation_reason = models.CharField(max_length=200, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("compte")
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower"),
            models.CheckConstraint(
                condition=Q(practitioner__isnull=True) | Q(kind=Kind.PROFESSIONAL),
                name="user_practitioner_is_professional",
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, deactivated_at__isnull=True)
                | Q(is_active=False, deactivated_at__isnull=False),
                name="user_deactivated_has_date",
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.get_full_name()

    @property
    def full_name(self) -> str:
        return self.get_full_name()

    @property
    def is_professional(self) -> bool:
        return self.kind == Kind.PROFESSIONAL


class Preference(Record):
    """A choice of one person that follows her from device to device, one row a key (filters, folded panels…)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="preferences")
    key = models.CharField(max_length=64)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="preference_once")]


class ApiClient(Record):
    """A machine that acts: a connector of a structure's software, a feed. Its secrets belong to the doors."""

    name = models.CharField(max_length=120)
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="api_clients")
    active = models.BooleanField(default=True)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("connecteur")
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="apiclient_name_once"),
            models.CheckConstraint(condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="apiclient_dates"),
        ]

    def __str__(self) -> str:
        return self.name


class StructureAdminQuerySet(models.QuerySet):
    def open(self):
        return self.filter(until__isnull=True)


class StructureAdmin(Record):
    """Who answers for a structure's accounts, from when to when, and who said so."""

    user = models.ForeignKey(User, models.PROTECT, related_name="administers")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="administrators")
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = StructureAdminQuerySet.as_manager()

    class Meta:
        verbose_name = _("administrateur de structure")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization"], condition=Q(until__isnull=True), name="structureadmin_open_once"
            ),
        ]


class InvitationQuerySet(models.QuerySet):
    def pending(self):
        """Neither accepted nor cancelled; may have expired, in which case it can be sent again."""
        return self.filter(accepted_at__isnull=True, cancelled_at__isnull=True)


class Invitation(Record):
    """An account offered to someone. The secret of its link is in `OneTimeLink`: sending again changes nothing here."""

    email = models.EmailField(max_length=254)
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROFESSIONAL)
    organization = models.ForeignKey(
        "directory.Organization", models.PROTECT, null=True, blank=True, related_name="invitations"
    )
    practitioner = models.ForeignKey("directory.Practitioner", models.PROTECT, null=True, blank=True, related_name="+")
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, blank=True, related_name="+")
    makes_admin = models.BooleanField(default=False)
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    invited_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_count = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="invitations")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                "organization",
                condition=Q(accepted_at__isnull=True, cancelled_at__isnull=True),
                nulls_distinct=False,
                name="invitation_pending_once",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(cancelled_at__isnull=True), name="invitation_one_end"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(accepted_by__isnull=False),
                name="invitation_accepted_by_someone",
            ),
        ]

    @property
    def is_pending(self) -> bool:
        return self.accepted_at is None and self.cancelled_at is None

    @property
    def has_expired(self) -> bool:
        return self.is_pending and self.expires_at <= timezone.now()

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class TermsVersion(Record):
    """One version of the terms of use. Never edited once published: a change is a new version."""

    number = models.PositiveIntegerField(unique=True)
    text = models.TextField()
    summary = models.CharField(max_length=300, blank=True)  # what changed, in one sentence
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("version des conditions d’utilisation")
        ordering = ["-number"]


class TermsAcceptance(Record):
    user = models.ForeignKey(User, models.PROTECT, related_name="acceptances")
    version = models.ForeignKey(TermsVersion, models.PROTECT, related_name="acceptances")
    accepted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "version"], name="terms_accepted_once")]


class RecoveryRequest(Record):
    """Someone lost her second factor: an administrator who has seen her in person lets her enrol another, once."""

    class Status(models.TextChoices):
        PENDING = "pending", _("à confirmer")
        CONFIRMED = "confirmed", _("confirmée")
        REFUSED = "refused", _("refusée")
        USED = "used", _("utilisée")

    user = models.ForeignKey(User, models.PROTECT, related_name="recovery_requests")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    requested_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    identity_check = models.CharField(max_length=200, blank=True)  # how the administrator knew the person
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("demande de nouvelle clé")
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(status="pending"), name="recovery_pending_once"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("user")), name="recovery_decided_by_another"
            ),
        ]


class OneTimeLink(Record):
    """A link sent to someone that serves once. Only the hash of its secret is kept.

    `purpose` names the verb it opens, `subject_id` the row it is about. Opening a link does nothing: what it
    offers is confirmed by POST, since mail scanners open links. With `code_hash`, a code sent on another
    channel is asked too, a few times only.
    """

    purpose = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    token_hash = models.CharField(max_length=64, unique=True)
    code_hash = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["purpose", "subject_id"], name="onetimelink_subject")]


class Attempts(models.Model):
    """Failures counted against one key (an account's address, or a network address), hashed: no personal data."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    window_start = models.DateTimeField()
    locked_until = models.DateTimeField(null=True, blank=True)


class TotpStep(models.Model):
    """The last time step whose code was accepted: a code serves once (RFC 6238 section 5.2), on any process."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    step = models.BigIntegerField()
