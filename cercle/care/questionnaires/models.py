"""Forms without code: the rows are FHIR R4. A published Questionnaire never changes; an answer keeps the version it was given to."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows
from cercle.people.circles.vocabulary import Category


class Licence(models.TextChoices):
    """May it be used here; a region decides on what is not settled."""

    FREE = "free", _("Libre")
    OWN = "own", _("Texte de Cercle")
    REGION = "region", _("Texte de la région")
    TO_CONFIRM = "to_confirm", _("Droits à confirmer")
    PROTECTED = "protected", _("Protégé : total saisi à la main")


class QuestionnaireQuerySet(models.QuerySet):
    def active(self):
        return self.filter(status=Questionnaire.Status.ACTIVE)

    def current(self, slug: str) -> "Questionnaire | None":
        """The published version that a new answer is given to."""
        return self.active().filter(slug=slug).first()


class Questionnaire(Record):
    class Status(models.TextChoices):
        DRAFT = "draft", _("En préparation")
        ACTIVE = "active", _("Publié")
        RETIRED = "retired", _("Retiré")

    url = models.CharField(max_length=300)
    version = models.CharField(max_length=60)
    slug = models.SlugField(max_length=80)  # of the url: the name that code and addresses use
    title = models.CharField(max_length=300)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.DRAFT)
    data = models.JSONField()  # the FHIR Questionnaire, whole, with what this software does not read
    category = models.CharField(max_length=16, choices=Category.choices, default=Category.SOCIAL)  # of its answers
    source = models.TextField(blank=True)
    licence = models.TextField(blank=True)
    licence_state = models.CharField(max_length=12, choices=Licence.choices, default=Licence.TO_CONFIRM)
    unsupported = models.JSONField(default=list, blank=True)  # sentences: parts that are kept and not applied
    approved_by = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = QuestionnaireQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="questionnaire_version", fields=["url", "version"]),
            models.UniqueConstraint(name="questionnaire_one_active", fields=["url"], condition=Q(status="active")),
            models.UniqueConstraint(name="questionnaire_one_slug", fields=["slug"], condition=Q(status="active")),
            models.CheckConstraint(
                name="questionnaire_published_dated", condition=Q(status="draft") | Q(published_at__isnull=False)
            ),
            models.CheckConstraint(
                name="questionnaire_retired_dated",
                condition=Q(status="retired", retired_at__isnull=False) | (~Q(status="retired") & Q(retired_at=None)),
            ),
            models.CheckConstraint(name="questionnaire_category", condition=Q(category__in=Category.values)),
        ]
        indexes = [models.Index(fields=["slug", "status"], name="questionnaire_slug")]

    def __str__(self) -> str:
        return self.title

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}"

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class ResponseQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting):
        """The only entrance to a circle's answers. A draft is shared by those who may write in its category."""
        return self.filter(visible_rows(acting))

    def finished(self):
        return self.exclude(status=Response.Status.IN_PROGRESS)

    def of_subject(self, subject_ref):
        """Answers about a request that has no circle yet."""
        return self.filter(subject_ref=subject_ref)


class Response(Record):
    class Status(models.TextChoices):
        IN_PROGRESS = "in-progress", _("En cours")
        COMPLETED = "completed", _("Terminée")
        AMENDED = "amended", _("Corrigée")

    questionnaire = models.ForeignKey(Questionnaire, models.PROTECT, related_name="responses")
    circle = models.ForeignKey("circles.Circle", models.PROTECT, null=True, related_name="form_responses")
    subject_ref = models.UUIDField(null=True, db_index=True)  # a desk's request, before any circle
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.IN_PROGRESS)
    data = models.JSONField(default=dict)  # the FHIR QuestionnaireResponse
    typed = models.JSONField(
        default=dict, blank=True
    )  # what stands in the fields, right or wrong, until it is finished
    scores = models.JSONField(default=dict, blank=True)
    category = models.CharField(max_length=16, choices=Category.choices)
    hidden = models.IntegerField(default=0)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200, blank=True)
    # Who writes: one page opened by one person. Another page takes over only from the state it has seen (`revision`).
    writer = models.CharField(max_length=40, blank=True)
    writer_name = models.CharField(max_length=200, blank=True)
    revision = models.IntegerField(default=1)
    version = models.PositiveSmallIntegerField(default=0)  # 0 while it is being filled in
    finished_at = models.DateTimeField(null=True)  # date of the answers: what a trend is drawn by
    saved_at = models.DateTimeField(db_default=Now())
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ResponseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="response_about_someone", condition=Q(circle__isnull=False) | Q(subject_ref__isnull=False)
            ),
            models.CheckConstraint(
                name="response_finished_dated",
                condition=Q(status="in-progress", version=0) | Q(finished_at__isnull=False, version__gte=1),
            ),
            models.CheckConstraint(name="response_category", condition=Q(category__in=Category.values)),
        ]
        indexes = [
            models.Index("circle", F("finished_at").desc(), name="response_of_circle"),
            models.Index("questionnaire", "finished_at", name="response_of_form"),
        ]

    def __str__(self) -> str:
        return f"response {self.pk}"  # no personal data in logs

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.IN_PROGRESS

    @property
    def items(self) -> list:
        return self.data.get("item", [])


class ResponseVersion(Record):
    """Each state that was signed, and each text that a second writer could not save: kept by the database (0002)."""

    class Kind(models.TextChoices):
        SIGNED = "signed", _("Signée")
        SET_ASIDE = "set_aside", _("Mise de côté : deux personnes écrivaient")

    response = models.ForeignKey(Response, models.PROTECT, related_name="versions")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SIGNED)
    number = models.PositiveSmallIntegerField()
    data = models.JSONField(default=dict)
    scores = models.JSONField(default=dict)
    reason = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(db_default=Now())
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="response_version", fields=["response", "number"], condition=Q(kind="signed"))
        ]
