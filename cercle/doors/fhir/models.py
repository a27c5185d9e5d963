"""What came through the FHIR door: the payload as it was, and the rows made from it."""

from django.db import models
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
