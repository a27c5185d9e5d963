"""What came through the FHIR door: the payload as it was, and the rows made from it."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class Received(Record):
    """One accepted message. Holds personal data: kept and erased with the care file of `patient`."""

    class Outcome(models.TextChoices):
        IMPORTED = "imported", _("importé")
        UNCHANGED = "unchanged", _("sans changement")

    client = models.ForeignKey("accounts.ApiClient", models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=20)  # the guide: cdl, later cds, gap, tde…
    received_at = models.DateTimeField(db_default=models.functions.Now())
    sha256 = models.CharField(max_length=64)  # of the bytes, as they came
    digest = models.CharField(max_length=64)  # of the content, whatever its layout: recognises a repeated send
    payload = models.JSONField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    warnings = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index("client", "digest", name="received_content")]


class Link(Record):
    """The sender's name of a resource, and our row. One name may serve several patients: their traits tell them apart."""

    client = models.ForeignKey("accounts.ApiClient", models.PROTECT, related_name="+")
    received = models.ForeignKey(Received, models.PROTECT, related_name="links")
    ref = models.CharField(max_length=300)  # "Patient/<id>"
    target_type = models.CharField(max_length=60)  # label_lower of the model
    target_id = models.UUIDField()
    digest = models.CharField(max_length=64, blank=True)  # of the resource, as last received
    files = models.CharField(max_length=64, blank=True)  # of its attachments other than text

    class Meta:
        constraints = [models.UniqueConstraint("client", "ref", "target_type", "target_id", name="link_once")]
        indexes = [models.Index("target_type", "target_id", name="link_target")]


class Token(Record):
    """A bearer token of a machine; only its hash is kept."""

    client = models.ForeignKey("accounts.ApiClient", models.CASCADE, related_name="tokens")
    sha256 = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=2000)
    made_at = models.DateTimeField(db_default=models.functions.Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class Kept(Record):
    """A resource as its sender wrote it, its references turned into our ids.

    Alone (a Device, an actor whom a feed named) it is the resource, and `id` is its FHIR id. Beside a row of ours it has that
    row's id and holds what we do not map, given back while it is still true.
    """

    client = models.ForeignKey("accounts.ApiClient", models.PROTECT, related_name="+")
    type = models.CharField(max_length=40)
    circle = models.ForeignKey("circles.Circle", models.PROTECT, null=True, related_name="+")
    alone = models.BooleanField()
    ref = models.CharField(max_length=300, blank=True)  # its sender's name for it: "Practitioner/<id>"
    payload = models.JSONField()
    identifiers = ArrayField(models.CharField(max_length=400), default=list)  # "system|value"
    names = models.CharField(max_length=400, blank=True)  # name_key of its family, given or only name
    given = models.CharField(max_length=200, blank=True)
    authors = ArrayField(models.UUIDField(), default=list)  # of a note: who signed, by our ids
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            GinIndex("identifiers", name="kept_identifiers"),
            GinIndex("authors", name="kept_authors"),
            models.Index("client", "ref", name="kept_ref", condition=~models.Q(ref="")),
            models.Index("client", "type", "id", name="kept_of", condition=models.Q(alone=True, deleted_at=None)),
        ]


class KeptVersion(Record):
    kept = models.ForeignKey(Kept, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    payload = models.JSONField()
    at = models.DateTimeField()
    deleted = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint("kept", "number", name="kept_version")]
