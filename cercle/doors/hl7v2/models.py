"""What came over MLLP, from whom, and what the hospital said of its visits.

A visit and its movements belong to this door: they are kept whether or not the person has a circle here, and a stay of
`care/stays` is what a circle is shown of them (visits.py).
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class Sender(Record):
    """One application of one establishment (MSH-3, MSH-4), with what the region agreed with it."""

    class Processing(models.TextChoices):
        """MSH-11. Test data never enters a real base, nor the reverse."""

        TEST = "test", _("Essai (D ou T)")
        PRODUCTION = "production", _("Production (P)")

    application = models.CharField(_("application (MSH-3)"), max_length=180)
    facility = models.CharField(_("établissement (MSH-4)"), max_length=180)
    client = models.OneToOneField("accounts.ApiClient", models.PROTECT, related_name="+")
    processing = models.CharField(max_length=10, choices=Processing, default=Processing.TEST)
    is_active = models.BooleanField(default=True)
    # A08, A24 and A37 are not French events; some senders know no other.
    international = models.BooleanField(default=False)
    # An agreement on identities (« charte d’identitovigilance ») stands behind what it qualifies.
    qualifies = models.BooleanField(default=False)
    # Its movements bring its connector into the circles that exist here.
    joins_circles = models.BooleanField(default=True)
    certificate = models.CharField(max_length=200, blank=True)  # CN of its TLS client certificate; empty: not asked

    class Meta:
        constraints = [models.UniqueConstraint("application", "facility", name="hl7_sender_once")]

    def __str__(self) -> str:
        return f"{self.application} · {self.facility}"

    @property
    def takes(self) -> str:
        return "DT" if self.processing == self.Processing.TEST else "P"


class Message(Record):
    """One message as it came, its answer, and what became of it. Holds personal data: erased with the care file."""

    class State(models.TextChoices):
        APPLIED = "applied", _("Pris en compte")
        WARNED = "warned", _("Pris en compte, à relire")
        REFUSED = "refused", _("Refusé")
        QUARANTINE = "quarantine", _("En quarantaine")
        ASIDE = "aside", _("Classé")

    sender = models.ForeignKey(Sender, models.PROTECT, null=True, related_name="messages")
    application = models.CharField(max_length=180, blank=True)  # MSH-3 and MSH-4 as said, when nobody knows the sender
    facility = models.CharField(max_length=180, blank=True)
    control_id = models.CharField(max_length=199, blank=True)  # MSH-10
    event = models.CharField(max_length=12, blank=True)  # « ADT^A28 »
    raw = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(db_default=models.functions.Now())
    state = models.CharField(max_length=10, choices=State)
    code = models.CharField(max_length=2)  # AA, AE, AR
    answer = models.BinaryField()
    problems = models.JSONField(default=list)  # [{"code", "where", "words", "severity"}]: words without personal data
    is_final = models.BooleanField(default=True)  # False: our own failure, the same bytes are tried again
    patient = models.ForeignKey("patients.Patient", models.PROTECT, null=True, related_name="+")
    replayed_at = models.DateTimeField(null=True)
    replays = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="hl7_message_bytes_once", fields=["sender", "sha256"], condition=Q(sender__isnull=False)
            )
        ]
        indexes = [
            models.Index(fields=["-id"], name="hl7_message_bad", condition=~Q(state__in=["applied", "aside"])),
            models.Index(fields=["control_id"], name="hl7_message_control"),
            models.Index(fields=["received_at"], name="hl7_message_at"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"  # no personal data in logs


class Visit(Record):
    """A stay or a consultation as its establishment knows it, known by its visit number."""

    class State(models.TextChoices):
        PLANNED = "planned", _("prévue")
        OPEN = "open", _("en cours")
        ENDED = "ended", _("terminée")
        CANCELLED = "cancelled", _("annulée")

    sender = models.ForeignKey(Sender, models.PROTECT, related_name="visits")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="+")
    number = models.CharField(max_length=200)  # PV1-19 with its authority, else PID-18
    account = models.CharField(max_length=200, blank=True)  # PID-18: the administrative file
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    patient_class = models.CharField(max_length=2, blank=True)  # table 0004
    started_at = models.DateTimeField(null=True)
    expected_start = models.DateTimeField(null=True)
    expected_end = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_kind = models.CharField(max_length=12, blank=True)  # Stay.End
    ward = models.CharField(max_length=120, blank=True)
    room = models.CharField(max_length=40, blank=True)
    entry_mode = models.CharField(max_length=12, blank=True)  # Stay.Entry
    stay = models.OneToOneField("stays.Stay", models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("sender", "number", name="hl7_visit_once")]
        indexes = [models.Index(fields=["patient"], name="hl7_visit_of_patient")]

    def __str__(self) -> str:
        return f"visit {self.pk}"


class Movement(Record):
    """ZBE-1 of one visit, as last said. A cancelled one stays, marked."""

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="movements")
    ref = models.CharField(max_length=250)  # ZBE-1: the establishment's number of this movement
    event = models.CharField(max_length=3)  # the original event when a Z99 corrects it
    at = models.DateTimeField()  # ZBE-2
    is_historic = models.BooleanField(default=False)
    is_cancelled = models.BooleanField(default=False)
    nature = models.CharField(max_length=3, blank=True)  # ZBE-9
    patient_class = models.CharField(max_length=2, blank=True)
    ward = models.CharField(max_length=120, blank=True)
    room = models.CharField(max_length=40, blank=True)
    details = models.JSONField(default=dict)  # expected dates, ways in and out, ZFM, ZFP, ZFV
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")  # the last that spoke of it

    class Meta:
        constraints = [models.UniqueConstraint("visit", "ref", name="hl7_movement_once")]
        indexes = [models.Index(fields=["ref"], name="hl7_movement_ref")]


class Told(Record):
    """What an establishment last said beside identity and movements: DMP (ZFA), how the identity was got (ZFD)."""

    sender = models.ForeignKey(Sender, models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=3)  # ZFA, ZFD
    values = models.JSONField()
    at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint("sender", "patient", "kind", name="hl7_told_last")]
