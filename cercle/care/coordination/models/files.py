"""One episode of one person with one DAC, the acts done for her, and what the structure keeps to itself.

These rows belong to the structure: they are reached by `gates.enter_file`, never by a circle's gate.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cercle.base.common import blobs
from cercle.base.common.models import Record
from cercle.care.documents.models import StoredFile

from ..vocabulary import (
    Act,
    EntryReason,
    EventKind,
    ExitReason,
    Family,
    FileState,
    HandoverEnd,
    HandoverReason,
    Housing,
    Income,
    InformedHow,
    Level,
    Protection,
    SheetState,
    Topic,
)

# What one writes in the administrative file, and what its versions keep.
ADMINISTRATIVE = (
    "housing", "housing_note", "family_situation", "family_note", "legal_protection", "protection_note", "income_band",
    "fund", "insurer", "rights", "people_note",
)  # fmt: skip


class FileQuerySet(models.QuerySet):
    def of(self, organization):
        return self.filter(organization=organization)

    def living(self):
        return self.exclude(state=FileState.CLOSED)

    def not_opposed(self, desk):
        """Files whose person refused neither this professional, nor her structure, nor her profession (rule 4)."""
        from ..gates import refused_by

        return self.filter(models.Q(patient__circle__has_oppositions=False) | ~models.Exists(refused_by(desk)))

    def with_people(self):
        return self.select_related(
            "patient__identity", "organization", "team", "referent__practitioner", "referent__organization"
        )


class CoordinationFile(Record):
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="coordination_files")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="coordination_files")
    episode = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(
        max_length=12, choices=FileState.choices, default=FileState.OPEN, db_default=FileState.OPEN
    )
    level = models.SmallIntegerField(choices=Level.choices)
    referent = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="referent_of")
    team = models.ForeignKey("directory.Team", models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    entry_reason = models.CharField(max_length=16, choices=EntryReason.choices)
    entry_text = models.CharField(max_length=1000, blank=True, db_default="")
    informed_on = models.DateField(null=True)  # the day the person was told of the support (rule 3)
    request_id = models.UUIDField(null=True)  # the desk's request it comes from; orientation stands above this app
    suspended_until = models.DateField(null=True)
    closed_at = models.DateTimeField(null=True)
    exit_reason = models.CharField(max_length=16, choices=ExitReason.choices, blank=True, db_default="")
    exit_text = models.CharField(max_length=1000, blank=True, db_default="")
    transferred_from = models.ForeignKey("self", models.PROTECT, null=True, related_name="transferred_to")
    review_on = models.DateField(null=True)
    # « Où en est-on ? »
    synthesis = models.TextField(blank=True, db_default="")
    wish = models.TextField(blank=True, db_default="")  # in the person's own words
    synthesis_at = models.DateTimeField(null=True)
    synthesis_by = models.CharField(max_length=200, blank=True, db_default="")
    # Administrative file; `version` counts its states (AdministrativeVersion) and catches two writers.
    version = models.PositiveIntegerField(default=1, db_default=1)
    housing = models.CharField(max_length=16, choices=Housing.choices, blank=True, db_default="")
    housing_note = models.CharField(max_length=1000, blank=True, db_default="")
    family_situation = models.CharField(max_length=16, choices=Family.choices, blank=True, db_default="")
    family_note = models.CharField(max_length=1000, blank=True, db_default="")
    legal_protection = models.CharField(max_length=16, choices=Protection.choices, blank=True, db_default="")
    protection_note = models.CharField(max_length=1000, blank=True, db_default="")  # who holds it, since when
    income_band = models.CharField(max_length=12, choices=Income.choices, blank=True, db_default="")
    fund = models.CharField(max_length=120, blank=True, db_default="")  # caisse de rattachement
    insurer = models.CharField(max_length=120, blank=True, db_default="")  # mutuelle
    rights = models.JSONField(default=dict, blank=True, db_default={})  # {Right: {"state", "until", "note"}}
    people_note = models.TextField(blank=True, db_default="")  # professionals and carers who are not in the circle
    # Kept beside the rows for the lists: the newest act, and the next date when something is awaited.
    last_act_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    objects = FileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("patient", "organization", "episode", name="file_episode"),
            # Several DACs at once, one living episode each.
            models.UniqueConstraint("patient", "organization", name="file_one_living", condition=~Q(state="closed")),
            # Target of the sheets' key on (file, structure): a sheet cannot say another structure than its file.
            models.UniqueConstraint("id", "organization", name="file_with_structure"),
            models.CheckConstraint(name="file_state", condition=Q(state__in=FileState.values)),
            models.CheckConstraint(name="file_level", condition=Q(level__in=[1, 2, 3])),
            models.CheckConstraint(name="file_episode_counts", condition=Q(episode__gte=1)),
            models.CheckConstraint(name="file_entry", condition=~Q(entry_reason="")),
            models.CheckConstraint(
                name="file_closed_says_why",
                condition=Q(state="closed", closed_at__isnull=False) & ~Q(exit_reason="")
                | ~Q(state="closed") & Q(closed_at=None, exit_reason=""),
            ),
            models.CheckConstraint(
                name="file_closes_after_opening", condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at"))
            ),
            models.CheckConstraint(
                name="file_until_when_suspended", condition=Q(suspended_until=None) | Q(state="suspended")
            ),
        ]
        indexes = [
            # The caseload of one person and of one structure: living files only.
            models.Index("referent", F("last_act_at").desc(nulls_last=True), F("id").desc(), name="file_of_referent", condition=~Q(state="closed")),
            models.Index("organization", F("last_act_at").desc(nulls_last=True), F("id").desc(), name="file_of_structure", condition=~Q(state="closed")),
            models.Index("organization", F("closed_at").desc(), name="file_closed_of", condition=Q(state="closed")),
        ]  # fmt: skip

    @property
    def is_closed(self) -> bool:
        return self.state == FileState.CLOSED


class FileEvent(Record):
    """All that happened to a file, kept for ever (a trigger holds it). « As known on D »: recorded_at <= D."""

    file = models.ForeignKey(CoordinationFile, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200)
    data = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = [
            models.CheckConstraint(name="file_event_kind", condition=Q(kind__in=EventKind.values)),
            models.CheckConstraint(name="file_event_signed", condition=~Q(author_name="")),
        ]
        indexes = [models.Index("file", "recorded_at", name="file_event_story")]


class CoReferent(Record):
    file = models.ForeignKey(CoordinationFile, models.PROTECT, related_name="co_referents")
    practice_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="co_referent_of")
    since = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("file", "practice_role", name="co_referent_once", condition=Q(ended_at=None)),
        ]
        indexes = [models.Index("practice_role", name="co_referent_open", condition=Q(ended_at=None))]


class AdministrativeVersion(Record):
    """Each state of the administrative file, immutable (a trigger holds it)."""

    file = models.ForeignKey(CoordinationFile, models.PROTECT, related_name="administrative_versions")
    number = models.PositiveIntegerField()
    data = models.JSONField()
    at = models.DateTimeField(db_default=models.functions.Now())
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint("file", "number", name="administrative_version")]


class SheetSeries(Record):
    """The same act done for several people at once (a collective session, a mailing)."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=models.functions.Now())


class FollowUpSheet(Record):
    """One dated act of support. The structure's own; sharing it writes a note in the circle's notebook."""

    file = models.ForeignKey(CoordinationFile, models.PROTECT, related_name="sheets")
    # Same as the file's (a composite key holds it): lists of a structure never join.
    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    act = models.CharField(max_length=8, choices=Act.choices)
    at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    minutes = models.PositiveSmallIntegerField()
    topic = models.CharField(
        max_length=16, choices=Topic.choices, default=Topic.COORDINATION, db_default=Topic.COORDINATION
    )
    text = models.TextField()
    people = models.JSONField(default=list, blank=True, db_default=[])  # names as written: ["Dr Guillou", …]
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200)
    series = models.ForeignKey(SheetSeries, models.PROTECT, null=True, related_name="sheets")
    appointment_id = models.UUIDField(null=True)  # the visit it tells, when it comes from the agenda
    note = models.ForeignKey("notebook.Note", models.PROTECT, null=True, related_name="+")  # once shared
    state = models.CharField(
        max_length=12, choices=SheetState.choices, default=SheetState.CURRENT, db_default=SheetState.CURRENT
    )
    version = models.PositiveSmallIntegerField(default=1, db_default=1)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="sheet_act", condition=Q(act__in=Act.values)),
            models.CheckConstraint(name="sheet_topic", condition=Q(topic__in=Topic.values)),
            models.CheckConstraint(name="sheet_minutes", condition=Q(minutes__lte=1440)),
            models.CheckConstraint(name="sheet_says_something", condition=~Q(text="")),
            models.CheckConstraint(name="sheet_signed", condition=~Q(author_name="")),
            # One act per file in a series, one sheet per visit and file: a repeated send is kept once.
            models.UniqueConstraint("series", "file", name="sheet_once_in_series", condition=Q(series__isnull=False)),
            models.UniqueConstraint(
                "appointment_id",
                "file",
                name="sheet_once_of_visit",
                condition=Q(appointment_id__isnull=False, state="current"),
            ),
        ]
        indexes = [
            models.Index("file", F("at").desc(), F("id").desc(), name="sheet_of_file", condition=Q(state="current")),
            models.Index("organization", F("at").desc(), F("id").desc(), name="sheet_of_structure", condition=Q(state="current")),
            models.Index("author_role", F("at").desc(), F("id").desc(), name="sheet_of_author", condition=Q(state="current")),
            # The structure's list by act or by topic: without them a rare topic reads every sheet.
            models.Index(
                "organization", "act", F("at").desc(), F("id").desc(), name="sheet_of_act", condition=Q(state="current")
            ),
            models.Index(
                "organization", "topic", F("at").desc(), F("id").desc(), name="sheet_of_topic", condition=Q(state="current")
            ),
        ]  # fmt: skip


class SheetVersion(Record):
    """What a sheet said before, immutable; the sheet itself is its newest state."""

    sheet = models.ForeignKey(FollowUpSheet, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    data = models.JSONField()
    reason = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(db_default=models.functions.Now())
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint("sheet", "number", name="sheet_version")]


class SheetFile(StoredFile):
    """A file joined to a sheet. The structure's own, like the sheet: the circle's documents never hold it unless it is shared."""

    sheet = models.ForeignKey(FollowUpSheet, models.PROTECT, related_name="files")
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="sheetfile_sha256", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")),
            models.CheckConstraint(name="sheetfile_size", condition=Q(size__gt=0)),
        ]
        indexes = [
            models.Index("id", name="sheetfile_to_scan", condition=Q(scan_state__in=["not_scanned", "error"])),
        ]


@blobs.referenced_by
def named_blobs():
    yield from SheetFile.objects.values_list("sha256", flat=True).iterator()


class PrivateNote(Record):
    """What the structure keeps to itself. No circle, no category: no door to the outside reads this table.

    A correction is a new row that replaces the old one. Tied to the patient, it outlives circle and episodes.
    """

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="+")
    text = models.TextField()
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200)
    written_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    replaced_by = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaces")
    withdrawn_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.CheckConstraint(name="private_note_says_something", condition=~Q(text=""))]
        indexes = [models.Index("organization", "patient", F("written_at").desc(), name="private_note_of_file")]


class Handover(Record):
    """A whole caseload passed on. With `until` it comes back by itself (tasks.end_handovers)."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    from_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    to_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, related_name="+")
    reason = models.CharField(max_length=12, choices=HandoverReason.choices)
    until = models.DateField(null=True)  # last day of the replacement
    at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    ended_at = models.DateTimeField(null=True)
    circles_left = models.PositiveIntegerField(default=0, db_default=0)  # a departure leaves every circle, file or not
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="handover_to_another", condition=~Q(from_role=F("to_role"))),
            models.CheckConstraint(
                name="handover_leave_has_an_end",
                condition=Q(reason="leave", until__isnull=False) | Q(reason="departure", until=None),
            ),
        ]
        indexes = [models.Index("until", name="handover_due", condition=Q(ended_at=None, until__isnull=False))]


class HandoverLine(Record):
    """One file of a handover: as referent, or as co-referent. `kept`: why it stayed where it was (the person's opposition).

    The person is told of her new referent: in Cercle when she has an account, else by a letter or a call that someone notes.
    """

    handover = models.ForeignKey(Handover, models.PROTECT, related_name="lines")
    file = models.ForeignKey(CoordinationFile, models.PROTECT, related_name="handover_lines")
    as_co_referent = models.BooleanField(default=False, db_default=False)
    kept = models.CharField(max_length=12, blank=True, choices=[("opposed", "opposed")])
    # The membership that this handover opened in the circle: it ends with it.
    member = models.ForeignKey("circles.Member", models.PROTECT, null=True, related_name="+")
    given_back_at = models.DateTimeField(null=True)  # no longer part of it; `ended_as` says how
    ended_as = models.CharField(max_length=8, choices=HandoverEnd.choices, blank=True, db_default="")
    informed_on = models.DateField(null=True)
    informed_how = models.CharField(max_length=8, choices=InformedHow.choices, blank=True, db_default="")
    informed_by = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint("handover", "file", name="handover_file_once"),
            models.CheckConstraint(
                name="handover_line_ends_one_way",
                condition=Q(given_back_at=None, ended_as="")
                | Q(given_back_at__isnull=False, ended_as__in=HandoverEnd.values),
            ),
            models.CheckConstraint(
                name="handover_line_informed",
                condition=Q(informed_on=None, informed_how="", informed_by="")
                | Q(informed_on__isnull=False, informed_how__in=InformedHow.values) & ~Q(informed_by=""),
            ),
        ]
        indexes = [models.Index("file", name="handover_line_of_file", condition=Q(given_back_at=None, kept=""))]


class FileDraft(models.Model):
    """What is being typed, kept at each pause. `slot`: "sheet", "private", "administrative"…"""

    pk = models.CompositePrimaryKey("user_id", "file_id", "slot")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    file = models.ForeignKey(CoordinationFile, models.CASCADE, related_name="+")
    slot = models.CharField(max_length=24)
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)
