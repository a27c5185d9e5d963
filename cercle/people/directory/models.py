"""Who works where: people, their situations of exercise, structures, teams, and the national reference tables."""

import re

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record
from cercle.base.web.french import english
from cercle.people.directory import nomenclature
from cercle.people.directory.queries import (
    CommuneQuerySet,
    OrganizationQuerySet,
    PracticeRoleQuerySet,
    PractitionerQuerySet,
    TeamQuerySet,
)


class SearchKey(models.Func):
    """SQL twin of `name_key`: no accents, lower case, hyphens and apostrophes as spaces."""

    function = "cercle_key"
    template = "cercle_key(translate(%(expressions)s, '-''’.,', '     '))"
    arg_joiner = " || ' ' || "
    output_field = models.TextField()


class Tracked(Record):
    """Rows that a feed keeps up to date. `source` and `source_key` say which feed, and under what name."""

    source = models.CharField(max_length=30, default="manual")  # annuaire, finess, demo, manual, feed:<name>
    source_key = models.CharField(max_length=160, blank=True)
    # What was corrected here while the source still says otherwise: {field: {"value": ours, "source": theirs}}.
    corrections = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Located(models.Model):
    """Where and how to reach it. lat/lon in degrees (WGS84); the commune's when the address itself is not located."""

    address = models.TextField(blank=True)  # street lines, without postal code and city
    postal_code = models.CharField(max_length=10, blank=True)
    city = models.CharField(max_length=100, blank=True)
    commune_code = models.CharField(max_length=5, blank=True)
    lat = models.FloatField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    phone2 = models.CharField(max_length=30, blank=True)
    email = models.CharField(max_length=254, blank=True)
    mss = models.CharField(max_length=254, blank=True)  # MSSanté address

    class Meta:
        abstract = True


class Organization(Tracked, Located):
    """A structure: FINESS site or legal entity, practice, DAC, CPTS…"""

    name = models.CharField(max_length=200)
    long_name = models.CharField(max_length=300, blank=True)
    finess = models.CharField(max_length=9, null=True, blank=True, unique=True)
    finess_ej = models.CharField(max_length=9, blank=True, db_index=True)
    siret = models.CharField(max_length=14, blank=True, db_index=True)
    is_legal_entity = models.BooleanField(default=False)  # FINESS EJ
    category = models.CharField(max_length=4, blank=True)  # TRE_R66
    category_label = models.CharField(max_length=160, blank=True)
    sector = models.CharField(max_length=10, blank=True)  # TRE_R02, of structures known from the annuaire only
    legal_status = models.CharField(max_length=4, blank=True)  # JDV_J100
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    opened_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    # FINESS: what it is authorised to do, codes as published [{"nature", "codes", "until", "places"}].
    activities = models.JSONField(default=list, blank=True)
    sort = models.GeneratedField(
        expression=SearchKey(F("name"), F("long_name")), output_field=models.TextField(), db_persist=True
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], condition=~Q(source_key=""), name="organization_source_key"
            ),
            models.CheckConstraint(
                condition=Q(finess__regex=r"^([0-9]{9}|2[AB][0-9]{7})$"), name="organization_finess_shape"
            ),
            models.CheckConstraint(
                condition=Q(siret="") | Q(siret__regex=r"^[0-9]{14}$"), name="organization_siret_shape"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="organization_has_a_name"),
        ]
        indexes = [
            models.Index(fields=["sort"], name="organization_sort"),
            GinIndex(fields=["sort"], opclasses=["gin_trgm_ops"], name="organization_sort_trgm"),
            models.Index(fields=["commune_code", "category"], name="organization_commune"),
            models.Index(fields=["category", "sort"], name="organization_category"),
            models.Index(fields=["lat", "lon"], name="organization_place"),
            models.Index(fields=["source"], condition=~Q(corrections={}), name="organization_corrected"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """dac, cpts, hospital, ehpad, ssiad, pharmacy, practice, msp… or other (data/structure_kinds.csv)."""
        return nomenclature.structure_kind(self.category, self.sector)

    @property
    def display_name(self) -> str:
        return self.long_name if len(self.long_name) > len(self.name) else self.name

    @property
    def tint(self) -> str:
        return {
            "pharmacy": "p-pharm", "dac": "p-coord", "cpts": "p-coord", "clic": "p-coord", "grades": "p-coord",
            "mdph": "p-coord", "ssiad": "p-dom", "home_care": "p-dom",
        }.get(self.kind, "p-hosp")  # fmt: skip


class Practitioner(Tracked):
    """A person with a profession, whatever the number of places where she works."""

    rpps = models.CharField(max_length=11, null=True, blank=True, unique=True)
    adeli = models.CharField(max_length=9, null=True, blank=True, unique=True)
    # « Identification nationale PP »: type digit + number (8 + RPPS, 0 + ADELI).
    national_id = models.CharField(max_length=20, null=True, blank=True, unique=True)
    civility = models.CharField(max_length=10, blank=True)  # M, MME (JDV_J245)
    title = models.CharField(max_length=10, blank=True)  # DR, PR… (JDV_J246)
    family = models.CharField(max_length=100)
    given = models.CharField(max_length=100, blank=True)
    sort = models.GeneratedField(
        expression=SearchKey(F("family"), F("given")), output_field=models.TextField(), db_persist=True
    )
    # Named by a feed that we do not check against the national directory: attribution only, never invited nor linked.
    is_external = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PractitionerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], condition=~Q(source_key=""), name="practitioner_source_key"
            ),
            models.CheckConstraint(condition=Q(rpps__regex=r"^[0-9]{11}$"), name="practitioner_rpps_shape"),
            models.CheckConstraint(
                condition=Q(adeli__regex=r"^[0-9][0-9AB][0-9]{7}$"), name="practitioner_adeli_shape"
            ),
            models.CheckConstraint(condition=~Q(family=""), name="practitioner_has_a_name"),
        ]
        indexes = [
            models.Index(fields=["sort"], name="practitioner_sort"),
            GinIndex(fields=["sort"], opclasses=["gin_trgm_ops"], name="practitioner_sort_trgm"),
            models.Index(fields=["source"], condition=~Q(corrections={}), name="practitioner_corrected"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """« Dr Claire Le Gall »: names are stored as the directory writes them, capitals softened for the eye."""
        parts = [{"DR": "Dr", "PR": "Pr"}.get(self.title, ""), soften(self.given), soften(self.family)]
        return " ".join(p for p in parts if p)

    @property
    def initials(self) -> str:
        return (self.given[:1] + self.family[:1]).upper()


class PracticeRole(Tracked, Located):
    """A situation of exercise: one person, one profession, one place. What acts, is invited, and joins teams."""

    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="roles")
    organization = models.ForeignKey(Organization, models.PROTECT, null=True, blank=True, related_name="roles")
    profession_system = models.CharField(max_length=10, default="TRE_G15")  # or JDV_J48, social and others
    profession = models.CharField(max_length=10)
    profession_label = models.CharField(max_length=120, blank=True)
    specialty = models.CharField(max_length=20, blank=True)  # main savoir-faire (JDV_J107)
    specialty_label = models.CharField(max_length=200, blank=True)
    specialties = models.JSONField(default=list, blank=True)  # all of them: [{"code", "label", "type"}]
    category = models.CharField(max_length=2, blank=True)  # C civil, M military, E student
    mode = models.CharField(max_length=2, blank=True)  # L liberal, S employee, B volunteer
    function = models.CharField(max_length=20, blank=True)  # JDV_J47 (330: coordonnateur de parcours) or TRE_R21
    function_label = models.CharField(max_length=120, blank=True)
    started_on = models.DateField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PracticeRoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], condition=~Q(source_key=""), name="practicerole_source_key"
            ),
            models.CheckConstraint(
                condition=Q(profession_system__in=["TRE_G15", "JDV_J48"]), name="practicerole_system"
            ),
            models.CheckConstraint(condition=~Q(profession=""), name="practicerole_has_a_profession"),
        ]
        indexes = [
            models.Index(fields=["practitioner"], condition=Q(ended_at=None), name="practicerole_open"),
            models.Index(fields=["organization", "profession"], condition=Q(ended_at=None), name="practicerole_at"),
            models.Index(
                fields=["profession", "commune_code"], condition=Q(ended_at=None), name="practicerole_profession"
            ),
            models.Index(
                fields=["specialty", "commune_code"], condition=Q(ended_at=None), name="practicerole_specialty"
            ),
            models.Index(fields=["commune_code"], condition=Q(ended_at=None), name="practicerole_commune"),
            models.Index(fields=["lat", "lon"], condition=Q(ended_at=None), name="practicerole_place"),
            models.Index(fields=["source"], condition=~Q(corrections={}), name="practicerole_corrected"),
        ]

    def __str__(self) -> str:
        return f"{self.practitioner}, {self.short_label}"

    @property
    def kind(self) -> str:
        """health, social or other: what CSP R1110-2 makes of the profession."""
        return nomenclature.profession_kind(self.profession_system, self.profession)

    @property
    def tint(self) -> str:
        if self.function == "330":  # coordonnateur de parcours: the work counts, not the diploma
            return "p-coord"
        found = nomenclature.profession(self.profession_system, self.profession)
        return found.tint if found else "p-proche"

    @property
    def short_label(self) -> str:
        """« Infirmière libérale », « Médecin généraliste », for who reads now; reads `practitioner` for the gender."""
        return self.label_in(english())

    @property
    def french_label(self) -> str:
        """The same, to be kept: a signature does not change with the language of who signs."""
        return self.label_in(False)

    def label_in(self, in_english: bool) -> str:
        return nomenclature.short_label(
            self.profession_system, self.profession, feminine=self.practitioner.civility == "MME",
            liberal=self.mode == "L", specialty=self.specialty, fallback=self.profession_label, in_english=in_english,
        )  # fmt: skip


class Team(Record):
    """People of one structure who share patients: a circle may hold the team, each act names the person."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="teams")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(closed_at=None), name="team_open_name"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="team_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(Record):
    team = models.ForeignKey(Team, models.PROTECT, related_name="members")
    practice_role = models.ForeignKey(PracticeRole, models.PROTECT, related_name="team_memberships")
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "practice_role"], condition=Q(ended_at=None), name="teammember_open"
            )
        ]
        indexes = [
            # Read by every `visible_to`: the open teams of a role.
            models.Index(
                fields=["practice_role"], include=["team"], condition=Q(ended_at=None), name="teammember_of_role"
            )
        ]


class TeamTerritory(Record):
    """The communes a team looks after, from one day to another: whom the desk gives a request to. One team a commune."""

    # Same as the team's: one team at a time for each commune of a structure is held by the database.
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, related_name="territory")
    commune_code = models.CharField(max_length=5)
    from_on = models.DateField()
    until_on = models.DateField(null=True, blank=True)  # last day, included
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "commune_code"], condition=Q(until_on=None), name="teamterritory_one_team"
            ),
            models.CheckConstraint(
                condition=Q(until_on=None) | Q(until_on__gte=F("from_on")), name="teamterritory_dates"
            ),
            models.CheckConstraint(
                condition=Q(commune_code__regex=r"^([0-9]{5}|2[AB][0-9]{3})$"), name="teamterritory_commune_shape"
            ),
        ]
        indexes = [models.Index(fields=["team"], condition=Q(until_on=None), name="teamterritory_of_team")]


class TeamCover(Record):
    """While a team is away (leave, holidays, a vacant post), another of the same structure takes its territory."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="covers")
    covered_by = models.ForeignKey(Team, models.PROTECT, related_name="+")
    from_on = models.DateField()
    until_on = models.DateField()  # last day, included: a cover always ends
    reason = models.CharField(max_length=200, blank=True, db_default="")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(until_on__gte=F("from_on")), name="teamcover_dates"),
            models.CheckConstraint(condition=~Q(team=F("covered_by")), name="teamcover_another_team"),
        ]
        indexes = [models.Index(fields=["team", "until_on"], condition=Q(cancelled_at=None), name="teamcover_of_team")]


class StructureLogo(models.Model):
    """What its letters and PDFs bear: the name of a file kept in the blobs."""

    organization = models.OneToOneField(Organization, models.PROTECT, primary_key=True, related_name="logo")
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=40)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(media_type__in=["image/png", "image/jpeg"]), name="structurelogo_media_type"
            )
        ]


class DirectoryReport(Record):
    """« Signaler une erreur »: said by a user about one entry, answered by an operator."""

    class Status(models.TextChoices):
        OPEN = "open", _("À traiter")
        CORRECTED = "corrected", _("Corrigé")
        FORWARDED = "forwarded", _("Transmis à la source")
        REFUSED = "refused", _("Sans suite")

    class Field(models.TextChoices):
        PHONE = "phone", _("Téléphone")
        ADDRESS = "address", _("Adresse")
        MSS = "mss", _("Adresse MSSanté")
        EMAIL = "email", _("Adresse e-mail")
        NAME = "name", _("Nom")
        PROFESSION = "profession", _("Profession ou spécialité")
        PLACE = "place", _("Structure ou lieu d’exercice")
        CLOSED = "closed", _("N’exerce plus, ou structure fermée")
        OTHER = "other", _("Autre chose")

    practitioner = models.ForeignKey(Practitioner, models.PROTECT, null=True, blank=True, related_name="reports")
    practice_role = models.ForeignKey(PracticeRole, models.PROTECT, null=True, blank=True, related_name="reports")
    organization = models.ForeignKey(Organization, models.PROTECT, null=True, blank=True, related_name="reports")
    field = models.CharField(max_length=12, choices=Field)
    text = models.TextField()
    proposed = models.CharField(max_length=254, blank=True)
    author_user_id = models.UUIDField()  # accounts stand above this app: a plain id, not a foreign key
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    answer = models.TextField(blank=True)
    answered_by_user_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(practitioner__isnull=False, practice_role=None, organization=None)
                | Q(practitioner=None, practice_role__isnull=False, organization=None)
                | Q(practitioner=None, practice_role=None, organization__isnull=False),
                name="directoryreport_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(status="open", answered_at=None) | (~Q(status="open") & Q(answered_at__isnull=False)),
                name="directoryreport_answered_when_closed",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="directoryreport_queue"),
            models.Index(fields=["author_user_id", "-id"], name="directoryreport_author"),
        ]

    @property
    def target(self) -> "Practitioner | PracticeRole | Organization":
        return self.practice_role or self.organization or self.practitioner  # type: ignore[return-value]


# --- Reference tables -------------------------------------------------------------------------------------------------


class CodeSet(Record):
    """A nomenclature or value set: TRE_G15, JDV_J107, CIM-10…"""

    name = models.CharField(max_length=60, unique=True)  # short: TRE_G15, JDV_J23, CIM10
    title = models.CharField(max_length=160, blank=True)
    oid = models.CharField(max_length=80, blank=True)
    version = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class Code(Record):
    set = models.ForeignKey(CodeSet, models.CASCADE, related_name="codes")
    system = models.TextField(blank=True)  # OID or URL of the terminology the code comes from
    code = models.CharField(max_length=40)
    label = models.TextField()
    parent = models.CharField(max_length=40, blank=True)
    rank = models.IntegerField(default=0)  # order of the source
    ended_on = models.DateField(null=True, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    key = models.GeneratedField(
        expression=SearchKey(F("code"), F("label")), output_field=models.TextField(), db_persist=True
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["set", "code", "system"], name="code_in_set")]
        indexes = [GinIndex(fields=["key"], opclasses=["gin_trgm_ops"], name="code_key_trgm")]

    def __str__(self) -> str:
        return self.label


class Commune(models.Model):
    """A commune of the COG, also the arrondissements and the communes déléguées or associées that birthplaces name."""

    code = models.CharField(max_length=5)
    kind = models.CharField(max_length=4)  # COM, ARM, COMD, COMA
    name = models.CharField(max_length=80)
    key = models.GeneratedField(
        expression=SearchKey(F("name"), Value("")), output_field=models.TextField(), db_persist=True
    )
    postal_codes = ArrayField(models.CharField(max_length=5), default=list)
    department = models.CharField(max_length=3, blank=True)
    region = models.CharField(max_length=3, blank=True)
    population = models.IntegerField(null=True)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    replaced_by = models.CharField(max_length=5, blank=True)  # the commune nouvelle, for COMD and COMA

    objects = CommuneQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "kind"], name="commune_code_kind")]
        indexes = [
            models.Index(fields=["key"], name="commune_key"),
            GinIndex(fields=["postal_codes"], name="commune_postal"),
        ]

    def __str__(self) -> str:
        return self.name


class HistoricCommune(models.Model):
    """Codes of the past, for birthplaces. 1900-01-01, 1999-12-31 and 2000-01-01 are conventions of the source."""

    code = models.CharField(max_length=5, db_index=True)
    name = models.CharField(max_length=80)
    key = models.GeneratedField(
        expression=SearchKey(F("name"), Value("")), output_field=models.TextField(), db_persist=True
    )
    start = models.DateField(null=True)
    end = models.DateField(null=True)

    class Meta:
        indexes = [models.Index(fields=["key"], name="historiccommune_key")]


class Country(models.Model):
    code = models.CharField(max_length=5, primary_key=True)  # 99…, INSEE
    name = models.CharField(max_length=100)
    key = models.GeneratedField(
        expression=SearchKey(F("name"), Value("")), output_field=models.TextField(), db_persist=True
    )


# --- Imports ----------------------------------------------------------------------------------------------------------


class ImportRun(Record):
    """One passage of one file, and how far it went, so that it can be taken up again."""

    kind = models.CharField(max_length=30)  # annuaire, annuaire_savoir_faire, finess_structures…
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    full = models.BooleanField(default=False)
    line = models.BigIntegerField(default=0)  # last line (or item) whose effects are committed; the header is line 1
    offset = models.BigIntegerField(default=0)  # bytes of the uncompressed file before the next line
    counts = models.JSONField(default=dict)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["sha256", "kind"], name="importrun_file")]


class ImportIssue(Record):
    """Why a line was refused. Holds the name of a column, never what the line says."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="issues")
    line = models.BigIntegerField()
    code = models.CharField(max_length=40)
    column = models.CharField(max_length=80, blank=True)
    message = models.CharField(max_length=255)


class ImportSeen(models.Model):
    """What a run has named so far: merges lines that stand apart, finds what a full file leaves out. Emptied after."""

    pk = models.CompositePrimaryKey("run_id", "kind", "key")
    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=1)  # p person, r role, o organization
    key = models.CharField(max_length=160)


SMALL_WORDS = frozenset("de du des la le les l d et en au aux a à sur sous pour".split())
ACRONYMS = frozenset(
    "CH CHU CHR CHIC CHI HAD EHPAD EHPA SSIAD SAAS SAA SAD DAC CPTS MSP MDPH CLIC CMP CMPP CAMSP IME ITEP ESAT MAS FAM SAMSAH"
    " SAVS SESSAD SCM SELARL SCP USLD SMR UAD PMI CSAPA CAARUD CDS BP CS ZA ZI ZAC GCS II III IV".split()
)


def soften(text: str) -> str:
    """« LE GALL-KERVELLA » to « Le Gall-Kervella », « EHPAD DU PORT » to « EHPAD du Port »; leaves what is mixed."""
    if not text.isupper():
        return text
    out, first = [], True
    for word in re.split(r"([^\W\d_]+)", text):
        if word.isalpha():
            keep = word in ACRONYMS or (word.lower() in SMALL_WORDS and not first)
            out.append((word if word in ACRONYMS else word.lower()) if keep else word.capitalize())
            first = False
        else:
            out.append(word)
            first = first or "\n" in word
    return "".join(out)
