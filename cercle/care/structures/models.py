"""What a structure says of itself: its hours, partners and papers. Teams and territory live in the directory, rooms in the agenda."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class StructureInfo(models.Model):
    organization = models.OneToOneField("directory.Organization", models.PROTECT, primary_key=True, related_name="info")
    presentation = models.TextField(blank=True, db_default="")
    hours = models.JSONField(default=dict, db_default={})  # {"0": [["09:00", "12:30"], …]}, Monday is 0
    hours_note = models.CharField(max_length=300, blank=True, db_default="")
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=200, blank=True, db_default="")


class PartnerKind(models.TextChoices):
    CONVENTION = "convention", _("convention signée")
    PARTNER = "partner", _("partenaire")
    FUNDER = "funder", _("financeur")


class Partner(Record):
    """Who one works with, under which paper, until when."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="partners")
    partner = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=PartnerKind.choices)
    subject = models.CharField(max_length=300, blank=True, db_default="")
    contact = models.CharField(max_length=200, blank=True, db_default="")
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)  # what is written on the paper; passed: to be renewed
    ended_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="partner_named", condition=~Q(name="")),
            models.CheckConstraint(name="partner_kind", condition=Q(kind__in=PartnerKind.values)),
            models.CheckConstraint(
                name="partner_dates",
                condition=Q(from_on=None) | Q(until_on=None) | Q(until_on__gte=F("from_on")),
            ),
        ]


class StructureDocument(Record):
    """A paper of the structure (procedure, model, convention): no patient, no circle; its colleagues read it."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="own_documents")
    title = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=120)
    size = models.BigIntegerField()
    file_name = models.CharField(max_length=200)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    added_by_name = models.CharField(max_length=200)
    added_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(name="structure_document_titled", condition=~Q(title=""))]
        indexes = [models.Index("organization", F("id").desc(), name="structure_document_of")]
