"""Who the person is: identity traits with their history, identifiers, people around her, duplicates and merges.

Nothing here is overwritten: a change of traits or coordinates is a new row that supersedes the former one, a merge
is a pointer with its recorded decision. The database holds the invariants; `actions.py` explains them to people.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Concat, Now, NullIf
from django.utils.translation import gettext_lazy as _

from cercle.base.common.dates import PartialDate
from cercle.base.common.models import Record
from cercle.people.patients.names import Key, Squeeze, title
from cercle.people.patients.querysets import (
    CoordinatesQuerySet,
    DatedQuerySet,
    DuplicateQuerySet,
    IdentityQuerySet,
    PatientQuerySet,
)


def _or(field: str, fallback: str) -> Coalesce:
    return Coalesce(NullIf(F(field), Value("")), F(fallback))


def _stored(expression, null: bool = False) -> models.GeneratedField:
    """A generated column under collation C: its plain btree serves both `LIKE 'x%'` and ORDER BY."""
    return models.GeneratedField(
        expression=expression, output_field=models.TextField(db_collation="C", null=null), db_persist=True
    )


class Decided(models.Model):
    """Who decided, in which practice, when and why. The name stays when the account goes."""

    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    decided_role = models.ForeignKey(
        "directory.PracticeRole", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    decided_name = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(db_default=Now())
    reason = models.TextField(blank=True, default="")

    class Meta:
        abstract = True


class Patient(Record):
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    source = models.CharField(max_length=40, default="web")  # the door: web, cli, fhir, hl7v2, demo…
    # The current identity. Null only between the two inserts of a creation (the key is deferred).
    identity = models.OneToOneField(
        "patients.Identity", null=True, editable=False, on_delete=models.PROTECT, related_name="current_of"
    )
    # Always the final target: chains are flattened; the decisions are kept in MergeDecision.
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="aliases", db_index=False
    )

    deceased = models.CharField(max_length=40, blank=True, default="")  # partial date as text
    deceased_earliest = models.DateField(null=True, blank=True)
    deceased_latest = models.DateField(null=True, blank=True)

    # Clocks of retention start with the first row (decision 10).
    last_contact_at = models.DateTimeField(db_default=Now())
    retention_class = models.CharField(max_length=20, default="support")
    legal_hold = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)

    objects = PatientQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="patient_not_merged_into_itself", condition=Q(merged_into=None) | ~Q(merged_into=F("id"))
            ),
            models.CheckConstraint(
                name="patient_death_has_a_range",
                condition=Q(deceased="", deceased_earliest=None, deceased_latest=None)
                | (~Q(deceased="") & Q(deceased_earliest__lte=F("deceased_latest"))),
            ),
        ]
        indexes = [
            models.Index(name="patient_alias", fields=["merged_into"], condition=Q(merged_into__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"patient {self.pk}"  # no name: this ends in logs

    @property
    def canonical_id(self):
        return self.merged_into_id or self.pk

    @property
    def is_deceased(self) -> bool:
        return bool(self.deceased)

    @property
    def coordinates(self) -> "Coordinates | None":
        if not hasattr(self, "_coordinates"):
            self._coordinates = Coordinates.objects.current().filter(patient=self).first()
        return self._coordinates

    @coordinates.setter
    def coordinates(self, found: "Coordinates | None") -> None:
        """For a query that read them along with something else."""
        self._coordinates = found


class Identity(Record, Decided):
    """One state of the identity, never changed after its insert except `superseded_at` (a trigger holds it)."""

    class Sex(models.TextChoices):
        FEMALE = "F", _("Féminin")
        MALE = "M", _("Masculin")
        UNKNOWN = "I", _("Indéterminé")

    class Status(models.TextChoices):
        PROV = "PROV", _("Identité provisoire")
        RECUP = "RECUP", _("Identité récupérée")
        VALI = "VALI", _("Identité validée")
        QUAL = "QUAL", _("Identité qualifiée")

    class Document(models.TextChoices):
        """FR Core `fr-core-cs-mode-validation-identity`, IHE PAM France ZFD-7."""

        AN = "AN", _("Extrait d’acte de naissance")
        AC = "AC", _("Acte de naissance et carte Vitale avec photo")
        CC = "CC", _("Carnet de circulation")
        CE = "CE", _("Carte européenne")
        CM = "CM", _("Carte militaire")
        CN = "CN", _("Carte nationale d’identité")
        CS = "CS", _("Titre de séjour")
        DC = "DC", _("Document de circulation pour étranger mineur")
        IE = "IE", _("Identification électronique eIDAS")
        LE = "LE", _("Livret de famille")
        PA = "PA", _("Passeport")
        PC = "PC", _("Permis de conduire")
        TC = "TC", _("Tiers de confiance")

    class Method(models.TextChoices):
        """FR Core `fr-core-cs-method-collection`, IHE PAM France ZFD-5."""

        SM = "SM", _("Saisie manuelle")
        CV = "CV", _("Carte Vitale")
        INSI = "INSI", _("Téléservice INSi")
        CB = "CB", _("Code à barres")
        RFID = "RFID", _("Puce RFID")
        AV = "AV", _("Application carte Vitale")
        FLUX = "FLUX", _("Reçue d’un autre logiciel")

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="identities")
    superseded_at = models.DateTimeField(null=True, blank=True)

    # Strict traits (RNIV 1): birth name, birth given names and the first of them, sex, birth date, birth place.
    birth_family = models.CharField(max_length=100)
    birth_given = models.CharField(max_length=100)
    birth_givens = models.CharField(max_length=200, blank=True, default="")  # « MARIE JEANNE ALINE », in order
    sex = models.CharField(max_length=1, choices=Sex)
    birth_date = models.CharField(max_length=40)  # as canonical text: 1939, 1939-04, 1939-04-12, or a lunar date
    birth_earliest = models.DateField()
    birth_latest = models.DateField()
    birth_place_code = models.CharField(max_length=5, blank=True, default="")  # COG at birth, or 99xxx; 99999 unknown
    birth_place_label = models.CharField(max_length=120, blank=True, default="")

    # Complementary traits.
    used_family = models.CharField(max_length=100, blank=True, default="")
    used_given = models.CharField(max_length=100, blank=True, default="")

    # The national identifier. Never the social-security number: that one is a PatientIdentifier.
    ins_value = models.CharField(max_length=15, blank=True, default="")
    ins_oid = models.CharField(max_length=40, blank=True, default="")

    status = models.CharField(max_length=5, choices=Status, default=Status.PROV)
    document = models.CharField(max_length=2, choices=Document, blank=True, default="")
    method = models.CharField(max_length=4, choices=Method, default=Method.SM)
    verified_at = models.DateTimeField(null=True, blank=True)  # last answer of INSi for these traits

    is_doubtful = models.BooleanField(default=False)
    is_fictive = models.BooleanField(default=False)
    is_homonym = models.BooleanField(default=False)

    # What people see in lists (`sort`), and what they type (`*_key`: see search.py).
    sort = _stored(Key(Concat(_or("used_family", "birth_family"), Value(" "), _or("used_given", "birth_given"))))
    birth_sort = _stored(Key(Concat("birth_family", Value(" "), "birth_given")))
    birth_key = _stored(Squeeze(Concat("birth_family", _or("birth_givens", "birth_given"))))
    birth_key_rev = _stored(Squeeze(Concat("birth_given", "birth_family")))
    used_key = _stored(Squeeze(Concat(_or("used_family", "birth_family"), _or("used_given", "birth_given"))))
    used_key_rev = _stored(Squeeze(Concat(_or("used_given", "birth_given"), _or("used_family", "birth_family"))))

    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name = _("identité")
        constraints = [
            models.UniqueConstraint(
                name="identity_one_current", fields=["patient"], condition=Q(superseded_at__isnull=True)
            ),
            # An INS has one active holder per domain (decision 5).
            models.UniqueConstraint(
                name="identity_ins_one_holder",
                fields=["ins_value", "ins_oid"],
                condition=Q(superseded_at__isnull=True) & ~Q(ins_value=""),
            ),
            models.CheckConstraint(
                name="identity_ins_needs_insi",
                condition=(Q(ins_value="", ins_oid="") & ~Q(status__in=["RECUP", "QUAL"]))
                | (~Q(ins_value="") & ~Q(ins_oid="") & Q(status__in=["RECUP", "QUAL"])),
            ),
            models.CheckConstraint(
                name="identity_ins_shape",
                condition=Q(ins_value="") | Q(ins_value__regex=r"^[1278][0-9]{5}[0-9AB][0-9]{8}$"),
            ),
            models.CheckConstraint(
                name="identity_checked_on_a_document",
                condition=(Q(status__in=["PROV", "RECUP"]) & Q(document=""))
                | (Q(status__in=["VALI", "QUAL"]) & ~Q(document="")),
            ),
            models.CheckConstraint(
                name="identity_markers_forbid_validation",
                condition=Q(status="PROV")
                | Q(status="RECUP", is_doubtful=False, is_fictive=False)
                | Q(is_doubtful=False, is_fictive=False, is_homonym=False),
            ),
            models.CheckConstraint(name="identity_birth_range", condition=Q(birth_earliest__lte=F("birth_latest"))),
            models.CheckConstraint(name="identity_sex", condition=Q(sex__in=["F", "M", "I"])),
            models.CheckConstraint(name="identity_named", condition=~Q(birth_family="") & ~Q(birth_given="")),
        ]
        indexes = [
            models.Index(name=f"identity_{column}", fields=[column], condition=Q(superseded_at__isnull=True))
            for column in ("sort", "birth_key", "birth_key_rev", "used_key", "used_key_rev")
        ] + [
            models.Index(
                name="identity_birth",
                fields=["birth_earliest", "birth_latest"],
                condition=Q(superseded_at__isnull=True),
            ),
        ]

    @property
    def family(self) -> str:
        return self.used_family or self.birth_family

    @property
    def given(self) -> str:
        return self.used_given or self.birth_given

    @property
    def full_name(self) -> str:
        """« Jeanne LE GALL »: the name in use; screens that need certainty show the birth name beside it."""
        return f"{title(self.given)} {self.family.upper()}"

    @property
    def birth(self) -> PartialDate:
        return PartialDate(self.birth_date, self.birth_earliest, self.birth_latest)

    @property
    def markers(self) -> list[str]:
        return [m for m in ("doubtful", "fictive", "homonym") if getattr(self, f"is_{m}")]

    @property
    def is_qualified(self) -> bool:
        return self.status == Identity.Status.QUAL


class Coordinates(Record, Decided):
    """Where the person lives and how to reach her; a change is a new row."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="coordinates_history")
    superseded_at = models.DateTimeField(null=True, blank=True)
    address = models.CharField(max_length=200, blank=True, default="")
    address_extra = models.CharField(max_length=200, blank=True, default="")  # building, floor, « chez… »
    postal_code = models.CharField(max_length=10, blank=True, default="")
    commune_code = models.CharField(max_length=5, blank=True, default="")
    commune_label = models.CharField(max_length=120, blank=True, default="")
    country_code = models.CharField(max_length=5, blank=True, default="")  # 99xxx, empty for France
    phone = models.CharField(max_length=30, blank=True, default="")
    phone_other = models.CharField(max_length=30, blank=True, default="")
    email = models.CharField(max_length=254, blank=True, default="")

    objects = CoordinatesQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="coordinates_one_current", fields=["patient"], condition=Q(superseded_at__isnull=True)
            )
        ]


class PatientIdentifier(Record):
    """Any other number of the person: hospital number, social-security number, old calculated INS, local numbers."""

    class Kind(models.TextChoices):
        IPP = "IPP", _("Numéro de patient d’un établissement (IPP)")
        NSS = "NSS", _("Numéro de sécurité sociale")
        INSC = "INSC", _("INS calculé (ancien)")
        LOCAL = "LOCAL", _("Autre identifiant")

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=5, choices=Kind)
    system = models.CharField(max_length=200)  # OID without « urn:oid: », or an absolute URI
    value = models.CharField(max_length=100)
    source = models.CharField(max_length=40, default="web")
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        constraints = [
            # Children carry a parent's social-security number, so NSS alone may be shared between patients.
            models.UniqueConstraint(
                name="identifier_one_holder",
                fields=["system", "value"],
                condition=Q(until__isnull=True) & ~Q(kind="NSS"),
            ),
            models.UniqueConstraint(
                name="identifier_once_a_patient",
                fields=["patient", "system", "value"],
                condition=Q(until__isnull=True),
            ),
        ]
        indexes = [models.Index(name="identifier_value", fields=["value"], condition=Q(until__isnull=True))]


class Contact(Record, Decided):
    """Someone close: relative, personne de confiance, emergency contact, guardian. Not an account, not a member."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="contacts")
    family = models.CharField(max_length=100)
    given = models.CharField(max_length=100, blank=True, default="")
    relationship = models.CharField(max_length=10, blank=True, default="")  # JDV_J11, see relationships.py
    is_emergency = models.BooleanField(default=False)
    is_trusted = models.BooleanField(default=False)  # personne de confiance, CSP L1111-6: one at a time
    is_legal_rep = models.BooleanField(default=False)  # parent of a minor, guardian
    is_carer = models.BooleanField(default=False)  # proche aidant
    lives_with = models.BooleanField(default=False)
    phone = models.CharField(max_length=30, blank=True, default="")
    phone_other = models.CharField(max_length=30, blank=True, default="")
    email = models.CharField(max_length=254, blank=True, default="")
    address = models.CharField(max_length=300, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by"
    )

    objects = DatedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="contact_one_trusted_person",
                fields=["patient"],
                condition=Q(is_trusted=True, until__isnull=True),
            )
        ]
        indexes = [models.Index(name="contact_current", fields=["patient"], condition=Q(until__isnull=True))]

    @property
    def full_name(self) -> str:
        return f"{self.given} {self.family}".strip()


class TreatingDoctor(Record, Decided):
    """Médecin traitant, dated: one of the directory, one outside it, or known to be none."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="treating_doctors")
    practice_role = models.ForeignKey(
        "directory.PracticeRole", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    external_name = models.CharField(max_length=200, blank=True, default="")
    external_place = models.CharField(max_length=200, blank=True, default="")
    external_phone = models.CharField(max_length=30, blank=True, default="")
    is_none = models.BooleanField(default=False)  # « n’a pas de médecin traitant »: not the same as not known
    since = models.DateField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="treating_doctor_one_current", fields=["patient"], condition=Q(until__isnull=True)
            ),
            models.CheckConstraint(
                name="treating_doctor_is_someone_or_none",
                condition=Q(practice_role__isnull=False, external_name="", is_none=False)
                | (Q(practice_role__isnull=True, is_none=False) & ~Q(external_name=""))
                | Q(practice_role__isnull=True, external_name="", is_none=True),
            ),
        ]


class MatchKey(models.Model):
    """Blocking keys of the current traits: the online duplicate search is one look-up here (see duplicates.py)."""

    pk = models.CompositePrimaryKey("key", "patient_id")
    key = models.BigIntegerField()
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")


class PotentialDuplicate(Record, Decided):
    """Two patients that may be one person. Decided by a person, never by the score."""

    class State(models.TextChoices):
        OPEN = "open", _("À examiner")
        MERGED = "merged", _("Fusionnés")
        DISTINCT = "distinct", _("Personnes différentes")

    class Level(models.TextChoices):
        AUTO = "auto", _("Très probable")
        REVIEW = "review", _("À vérifier")

    first = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    score = models.FloatField()
    level = models.CharField(max_length=6, choices=Level)
    explanation = models.JSONField(default=list)  # [{"field", "level", "weight"}…]: levels, never the traits themselves
    origin = models.CharField(max_length=10, default="creation")  # creation, change, batch, ins, feed
    weights_version = models.CharField(max_length=20, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = DuplicateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="duplicate_pair_once", fields=["first", "second"]),
            models.CheckConstraint(name="duplicate_pair_ordered", condition=Q(first__lt=F("second"))),
            models.CheckConstraint(
                name="duplicate_decided_when_closed",
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(name="duplicate_queue", fields=["level", "-score"], condition=Q(state="open")),
        ]


class MergeDecision(Record, Decided):
    """« These two files are one person »: rows do not move, `merged_into` points, and undoing it is one row."""

    survivor = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="merges_received")
    merged = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="merges")
    duplicate = models.ForeignKey(
        PotentialDuplicate, null=True, blank=True, on_delete=models.SET_NULL, related_name="merges"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    undone_name = models.CharField(max_length=200, blank=True, default="")
    undone_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="merge_one_active_target", fields=["merged"], condition=Q(undone_at__isnull=True)
            ),
            models.CheckConstraint(name="merge_of_two", condition=~Q(survivor=F("merged"))),
        ]
