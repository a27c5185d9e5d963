"""What figures need beside the rows of the other apps: past states, frozen months. No name, no text."""

from django.db import models
from django.db.models.functions import Now

from cercle.base.common.models import Record


class Superseded(Record):
    """The state of a row until it changed: a trigger writes it (migrations/0002), a deletion of the row takes it away."""

    source = models.CharField(max_length=60)  # the table
    row_id = models.UUIDField()
    organization_id = models.UUIDField(null=True)  # the row's; null when this change gave it another, or it has none
    recorded_at = models.DateTimeField()  # the row's own: when it was first written
    data = models.JSONField()  # the columns of sources.KEPT
    superseded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["source", "row_id", "superseded_at"], name="superseded_of_row"),
            models.Index(fields=["source", "superseded_at", "recorded_at"], name="superseded_since"),
            models.Index(
                fields=["source", "organization_id", "superseded_at", "recorded_at"], name="superseded_of_structure"
            ),
        ]


class MonthlyFigure(Record):
    """One figure of one month, as it was frozen: what remains when the law has rows deleted."""

    organization = models.ForeignKey("directory.Organization", models.PROTECT, related_name="+")
    month = models.DateField()  # its first day
    indicator = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField()
    dimension = models.CharField(max_length=30, blank=True, db_default="")  # "": the whole
    part = models.CharField(max_length=60, blank=True, db_default="")  # the dimension's value; "" when not said
    value = models.FloatField(null=True)
    people = models.IntegerField()  # requests or people behind it
    known_on = (
        models.DateField()
    )  # computed as known at the end of that day: the rows give it again, until some are deleted
    frozen_at = models.DateTimeField(db_default=Now())
    # What deletions have taken from it: the frozen figure less the one that the remaining rows give (`frozen.account`).
    lost_value = models.FloatField(null=True)
    lost_people = models.IntegerField(db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month", "indicator", "version", "dimension", "part"], name="monthlyfigure_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["indicator", "dimension", "month"],
                name="monthlyfigure_lost",
                condition=~models.Q(lost_people=0),
            )
        ]


class Deletion(models.Model):
    """A structure of which rows were deleted: the trigger says so, `frozen.account` counts what they were."""

    organization = models.OneToOneField("directory.Organization", models.PROTECT, primary_key=True, related_name="+")
    last_at = models.DateTimeField()
    accounted_at = models.DateTimeField(null=True)
