from django.db import models


class Counter(models.Model):
    """How often someone asked within one window (limits.py). The key is a keyed hash: no address, no login.

    Not a `Record`: rows are overwritten, worth nothing after `ends_at`, and the table is unlogged.
    """

    key = models.CharField(max_length=64, primary_key=True)
    slot = models.BigIntegerField()
    n = models.PositiveIntegerField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="web_counter_ends_at")]
