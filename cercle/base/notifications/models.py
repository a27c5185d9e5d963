"""What a person is told, by which way, and what they chose about it. No sentence is kept: it is made when shown."""

from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class Urgency(models.TextChoices):
    NORMAL = "normal", _("normale")
    URGENT = "urgent", _("urgente")


class Channel(models.TextChoices):
    """Web push and SMS take their place here later."""

    EMAIL = "email", _("courriel")


class NotificationQuerySet(models.QuerySet):
    def of(self, user_id: UUID) -> "NotificationQuerySet":
        return self.filter(user_id=user_id)

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at__isnull=True)

    def latest_first(self, before: UUID | None = None) -> "NotificationQuerySet":
        return (self.filter(id__lt=before) if before else self).order_by("-id")


class Notification(Record):
    """One person is told one thing. `target_type`/`target_id` name it as the journal does; whether they may still see
    it is asked again each time it is shown (renderers.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    kind = models.TextField()  # rules.RULES
    circle_id = models.UUIDField(null=True)
    target_type = models.TextField(blank=True)
    target_id = models.UUIDField(null=True)
    urgency = models.TextField(choices=Urgency, default=Urgency.NORMAL)
    hidden = models.IntegerField(default=0)  # reader classes the thing is masked to, so this notice as well
    params = models.JSONField(default=dict)  # codes and ids, no clinical text, no name
    group = models.TextField(blank=True)  # notices that one line can stand for
    once = models.TextField(blank=True)  # tells apart two notices of one kind about one thing
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "id"], name="notification_user"),
            models.Index(fields=["user", "id"], condition=Q(read_at__isnull=True), name="notification_unread"),
            models.Index(fields=["target_id", "user"], condition=Q(read_at__isnull=True), name="notification_target"),
        ]
        constraints = [
            # a job that runs twice tells once
            models.UniqueConstraint(
                fields=["user", "kind", "target_type", "target_id", "once"],
                name="notification_told_once",
                condition=Q(target_id__isnull=False),
            ),
        ]

    def __str__(self):
        return self.kind


class Delivery(Record):
    """One message outside the product about one or several notices. A row before it is sent, with what became of it."""

    class Mode(models.TextChoices):
        URGENT = "urgent", _("tout de suite")
        NOW = "now", _("bientôt")
        DIGEST = "digest", _("récapitulatif")

    class Status(models.TextChoices):
        WAITING = "waiting", _("à envoyer")
        SENDING = "sending", _("en cours")
        RETRY = "retry", _("à renvoyer")
        SENT = "sent", _("envoyé")
        FAILED = "failed", _("abandonné")
        CANCELLED = "cancelled", _("sans objet")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    channel = models.TextField(choices=Channel, default=Channel.EMAIL)
    mode = models.TextField(choices=Mode)
    status = models.TextField(choices=Status, default=Status.WAITING)
    attempts = models.SmallIntegerField(default=0)
    last_error = models.TextField(blank=True)  # the error's class and code only: server answers may carry addresses
    due_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    notifications = models.ManyToManyField(Notification, related_name="deliveries")

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(status__in=["waiting", "sending", "retry"]), name="delivery_due"
            ),
        ]
        constraints = [
            # What comes while a message waits joins it: nobody can be flooded.
            models.UniqueConstraint(
                fields=["user", "channel", "mode"], condition=Q(status="waiting"), name="delivery_one_waiting"
            ),
        ]

    def __str__(self):
        return f"{self.channel} {self.mode} {self.status}"


class Choice(models.TextChoices):
    NOW = "now", _("tout de suite")
    DIGEST = "digest", _("dans le récapitulatif")
    NONE = "none", _("jamais")


class NotificationPreference(Record):
    """A person's own choice for one kind on one channel; absent: the rule table decides."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.TextField()
    channel = models.TextField(choices=Channel, default=Channel.EMAIL)
    choice = models.TextField(choices=Choice)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "channel"], name="notification_preference_once")]

    def __str__(self):
        return f"{self.kind} {self.choice}"


class Schedule(Record):
    """When a person wants to be left alone and when they want the digest, on their own clock."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    digest_hour = models.SmallIntegerField(default=8, validators=[MinValueValidator(0), MaxValueValidator(23)])
    zone = models.CharField(max_length=64, default="Europe/Paris")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(digest_hour__range=(0, 23)), name="notification_digest_hour"),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="notification_quiet_whole",
            ),
        ]

    def __str__(self):
        return f"{self.quiet_from}-{self.quiet_to}"


class Mute(Record):
    """No notices about one patient for a while; `until` empty: until undone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    circle_id = models.UUIDField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "circle_id"], name="notification_mute_once")]

    def __str__(self):
        return str(self.circle_id)
