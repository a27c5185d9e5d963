"""What whoever comes to the bedside must know first. Rows are versions: a change is a new row that replaces the former."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows
from cercle.people.circles.vocabulary import Category


class EssentialQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting):
        return self.filter(visible_rows(acting))

    def current(self):
        return self.filter(ended_at=None)


class Essential(Record):
    class Kind(models.TextChoices):
        ALLERGY = "allergy", _("Allergies")
        TREATMENT = "treatment", _("Traitements en cours")
        PROBLEM = "problem", _("Problèmes de santé")
        DIRECTIVE = "directive", _("Directives anticipées")
        HOME = "home", _("Accès au domicile")

    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="essentials")
    kind = models.CharField(max_length=10, choices=Kind)
    category = models.CharField(max_length=14, choices=Category)
    hidden = models.IntegerField(default=0)  # reader classes that do not see it
    # « Aucune allergie connue » is said by someone; the absence of rows says that nobody has said anything.
    is_none = models.BooleanField(default=False)
    label = models.CharField(max_length=200, blank=True, default="")
    detail = models.CharField(max_length=1000, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    code_system = models.CharField(max_length=80, blank=True, default="")  # OID
    since = models.CharField(max_length=10, blank=True, default="")  # partial date as text
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    author_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    author_role = models.ForeignKey(
        "directory.PracticeRole", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    author_name = models.CharField(max_length=200)
    author_label = models.CharField(max_length=200, blank=True, default="")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_name = models.CharField(max_length=200, blank=True, default="")
    end_reason = models.CharField(max_length=300, blank=True, default="")

    objects = EssentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("information essentielle")
        constraints = [
            models.CheckConstraint(
                name="essential_says_something", condition=Q(is_none=True, label="") | (Q(is_none=False) & ~Q(label=""))
            ),
            models.CheckConstraint(name="essential_code_has_system", condition=Q(code="") | ~Q(code_system="")),
            models.UniqueConstraint(
                name="essential_none_said_once",
                fields=["circle", "kind"],
                condition=Q(is_none=True, ended_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(name="essential_current", fields=["circle", "kind"], condition=Q(ended_at__isnull=True)),
            models.Index(name="essential_circle", fields=["circle"]),
        ]

    def __str__(self) -> str:
        return f"essential {self.pk}"
