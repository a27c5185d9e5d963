"""What figures need beside the rows of the other apps: past states, frozen months. No name, no text."""

from django.db import models
from django.db.models.functions import Now

from cercle.base.common.models import Record


class Superseded(Record):
    """The state of a row until it changed: a trigger writes it (migrations/0002), a deletion of the row takes it away."""

    source = models.CharField(max_length=60)  # the table
    row_id = models.UUIDField()
    data = models.JSONField()  # the columns of sources.KEPT
    superseded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["source", "row_id", "superseded_at"], name="superseded_of_row"),
            models.Index(fields=["source", "superseded_at"], name="superseded_since"),
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
    frozen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month", "indicator", "version", "dimension", "part"], name="monthlyfigure_once"
            )
        ]
