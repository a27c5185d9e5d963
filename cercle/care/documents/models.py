"""Files of a circle: one row a file, whose bytes lie in `common/blobs` under their hash."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common import blobs
from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows
from cercle.people.circles.vocabulary import Category

from . import content


class DocumentQuerySet(models.QuerySet):
    def of(self, circle):
        return self.filter(circle=circle)

    def held_by(self, *holder_ids):
        """Files of these notes, in the order they were added."""
        return self.filter(holder_id__in=holder_ids).order_by("id")

    def visible_to(self, acting: Acting):
        """Rights table, masks and oppositions; a file follows its note. Drafts and withdrawn: their author only."""
        kept = Q(state=Document.State.KEPT)
        if acting.user_id:
            kept |= Q(author_user_id=acting.user_id)
        rows = self.filter(visible_rows(acting) & kept)
        if acting.opposed_targets:
            rows = rows.exclude(holder_id__in=acting.opposed_targets)
        return rows

    def infected(self):
        return self.filter(scan_state=Document.Scan.INFECTED)

    def to_scan(self):
        return self.filter(scan_state__in=[Document.Scan.NOT_SCANNED, Document.Scan.ERROR])


class StoredFile(Record):
    """What any kept file says of its bytes, whoever may read it: a circle's document, a structure's attachment."""

    class Scan(models.TextChoices):
        NOT_SCANNED = "not_scanned", _("Non analysé")
        CLEAN = "clean", _("Analysé, rien trouvé")
        INFECTED = "infected", _("Virus trouvé")
        ERROR = "error", _("Analyse en échec")

    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=100)
    name = models.CharField(max_length=160)  # as sent, cleaned; its ending says what the file is
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    active_content = models.BooleanField(default=False)  # scripts or files inside a PDF: kept, only ever downloaded
    scan_state = models.CharField(max_length=12, choices=Scan.choices, default=Scan.NOT_SCANNED)
    scan_detail = models.CharField(max_length=200, blank=True)
    scanned_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_picture(self) -> bool:
        return self.media_type in content.PICTURES

    @property
    def kind_label(self) -> str:
        """« PDF », « Photo », « Texte »…"""
        return content.label(self.media_type)

    @property
    def size_label(self) -> str:
        return blobs.megabytes(self.size)

    @property
    def held_back(self) -> bool:
        """Not given out: infected, or not yet seen by the antivirus. Pictures are rebuilt by us: they need not wait."""
        if self.scan_state == self.Scan.INFECTED:
            return True
        return bool(settings.ANTIVIRUS_ADDRESS) and self.scan_state != self.Scan.CLEAN and not self.is_picture


class Document(StoredFile):
    class State(models.TextChoices):
        DRAFT = "draft", _("Brouillon")  # sent with a note that is not written yet
        KEPT = "kept", _("Conservé")
        WITHDRAWN = "withdrawn", _("Retiré")

    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="documents")
    # The row it is joined to (a note), so that an opposition to that row holds for its files; any kind of row.
    holder_id = models.UUIDField(null=True, blank=True, db_index=True)
    title = models.CharField(max_length=200, blank=True)
    type_code = models.CharField(max_length=40, null=True, blank=True)  # JDV_J07 typeCode
    category = models.CharField(max_length=20, choices=Category.choices)
    hidden = models.IntegerField(default=0)  # reader classes that do not see it
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(
        max_length=200, blank=True
    )  # snapshot; the only author of a file that a feed brought
    created_at = models.DateTimeField()  # of the fact: when the photo was taken, the letter written
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    thumbnail = models.CharField(max_length=64, blank=True)  # sha256, once the job made it
    state = models.CharField(max_length=12, choices=State.choices, default=State.KEPT)
    withdrawn_at = models.DateTimeField(null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="document_sha256", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")),
            models.CheckConstraint(name="document_thumbnail", condition=Q(thumbnail__regex=r"^([0-9a-f]{64})?$")),
            models.CheckConstraint(name="document_size", condition=Q(size__gt=0)),
            models.CheckConstraint(name="document_category", condition=Q(category__in=Category.values)),
            models.CheckConstraint(
                name="document_withdrawn_dated",
                condition=Q(state="withdrawn", withdrawn_at__isnull=False)
                | (~Q(state="withdrawn") & Q(withdrawn_at=None)),
            ),
            models.CheckConstraint(
                name="document_picture_measured",
                condition=Q(width=None, height=None) | Q(width__gt=0, height__gt=0),
            ),
        ]
        indexes = [
            models.Index(fields=["circle", "-id"], name="document_of_circle"),
            models.Index(fields=["sha256"], name="document_sha256"),
            models.Index(fields=["id"], name="document_to_scan", condition=Q(scan_state__in=["not_scanned", "error"])),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.title or self.name


@blobs.referenced_by
def named_blobs():
    for sha, thumbnail in Document.objects.values_list("sha256", "thumbnail").iterator():
        yield sha
        yield thumbnail
