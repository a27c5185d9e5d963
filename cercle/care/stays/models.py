"""Stays outside home: hospital, hospital at home, temporary lodging."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting
from cercle.people.circles.vocabulary import Category

# Everyone who organises something must know that nobody is at home; the ward may tell an illness.
EXISTENCE = Category.APPOINTMENTS
DETAIL = Category.NURSING


class Source(models.TextChoices):
    MANUAL = "manual", _("saisie")
    HL7V2 = "hl7v2", _("message de l’établissement")
    FHIR = "fhir", _("logiciel raccordé")
    IMPORT = "import", _("reprise de données")


class StayQuerySet(models.QuerySet):
    def kept(self):
        return self.filter(cancelled_at=None)

    def open(self):
        """Still there: neither ended nor cancelled."""
        return self.filter(ended_at=None, cancelled_at=None)

    def of(self, circle):
        return self.filter(circle=circle)

    def visible_to(self, acting: Acting):
        if EXISTENCE not in acting.readable:
            return self.none()
        rows = self.filter(circle_id__in=acting.circles).select_related("organization")
        return rows.exclude(pk__in=acting.opposed_targets) if acting.opposed_targets else rows


class Stay(Record):
    class Kind(models.TextChoices):
        HOSPITAL = "hospital", _("Hospitalisation")
        HOME_HOSPITAL = "home_hospital", _("Hospitalisation à domicile (HAD)")
        LODGING = "lodging", _("Hébergement temporaire (EHPAD, répit…)")

    class Entry(models.TextChoices):
        PLANNED = "planned", _("entrée programmée")
        EMERGENCY = "emergency", _("par les urgences")
        TRANSFER = "transfer", _("par transfert")

    class End(models.TextChoices):
        HOME = "home", _("retour à domicile")
        REHAB = "rehab", _("soins de suite et de réadaptation")
        RESIDENCE = "residence", _("entrée ou retour en EHPAD ou en foyer")
        TRANSFER = "transfer", _("transfert vers un autre établissement")
        DEATH = "death", _("décès")
        OTHER = "other", _("autre")

    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="stays")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.HOSPITAL)
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="+")
    label = models.CharField(max_length=160)  # the place as it is called, also when the directory knows it
    ward = models.CharField(max_length=120, blank=True)
    room = models.CharField(max_length=40, blank=True)
    entry_mode = models.CharField(max_length=12, choices=Entry.choices, blank=True)
    started_at = models.DateTimeField()
    started_has_time = models.BooleanField(default=True)  # False: only the day is known
    expected_end = models.DateTimeField(null=True, blank=True)
    expected_has_time = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_has_time = models.BooleanField(default=True)
    end_kind = models.CharField(max_length=12, choices=End.choices, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.MANUAL)
    source_ref = models.CharField(max_length=160, blank=True)  # the establishment's visit number
    entered_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    entered_by_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = StayQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="stay_one_open_per_place",
                fields=["circle", "organization"],
                condition=Q(ended_at=None, cancelled_at=None, organization__isnull=False),
            ),
            models.UniqueConstraint(
                F("circle"),
                Lower("label"),
                name="stay_one_open_per_label",
                condition=Q(ended_at=None, cancelled_at=None, organization=None),
            ),
            models.UniqueConstraint(
                name="stay_source_ref", fields=["source", "source_ref"], condition=~Q(source_ref="")
            ),
            models.CheckConstraint(name="stay_has_a_place", condition=~Q(label="")),
            models.CheckConstraint(
                name="stay_ends_after_start", condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at"))
            ),
            models.CheckConstraint(
                name="stay_end_has_a_kind",
                condition=Q(ended_at=None, end_kind="") | (Q(ended_at__isnull=False) & ~Q(end_kind="")),
            ),
            models.CheckConstraint(
                name="stay_expected_after_start", condition=Q(expected_end=None) | Q(expected_end__gte=F("started_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["circle", "-started_at"], name="stay_of_circle"),
            # « Mes patients » asks of each circle: in hospital now?
            models.Index(fields=["circle"], name="stay_open", condition=Q(ended_at=None, cancelled_at=None)),
        ]

    def __str__(self) -> str:
        return f"stay {self.pk}"  # no personal data in logs

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.cancelled_at is None


class Movement(Record):
    """What happened during a stay. Written once (trigger in 0002): a mistake is answered by another row."""

    class Kind(models.TextChoices):
        ADMISSION = "admission", _("Entrée")
        TRANSFER = "transfer", _("Changement de service")
        ANNOUNCE = "announce", _("Sortie annoncée")
        DISCHARGE = "discharge", _("Sortie")
        CORRECTION = "correction", _("Correction")
        CANCEL = "cancel", _("Annonce retirée")

    stay = models.ForeignKey(Stay, models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()  # of the fact
    has_time = models.BooleanField(default=True)
    ward = models.CharField(max_length=120, blank=True)
    room = models.CharField(max_length=40, blank=True)
    expected_end = models.DateTimeField(null=True)
    expected_has_time = models.BooleanField(default=False)
    end_kind = models.CharField(max_length=12, choices=Stay.End.choices, blank=True)
    text = models.CharField(max_length=500, blank=True)  # a word from who announced it
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.MANUAL)
    source_ref = models.CharField(max_length=160, blank=True)  # ZBE-1
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="movement_source_ref", fields=["source", "source_ref", "kind"], condition=~Q(source_ref="")
            )
        ]
        indexes = [models.Index(fields=["stay", "id"], name="movement_of_stay")]
