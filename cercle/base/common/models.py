"""What every row shares: a key made by the database."""

from django.db import models


class UUIDv7(models.Func):
    """The server's `uuidv7()`: time-ordered, so lists by id follow creation.

    Never a cursor or a watermark: it is taken before commit (docs/adr/0003).
    """

    function = "uuidv7"
    template = "%(function)s()"
    output_field = models.UUIDField()


class Record(models.Model):
    """Base of all rows. Override nothing here; add fields below it."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)

    class Meta:
        abstract = True
