"""Background work on figures."""

from datetime import timedelta

from django.utils import timezone

from cercle.base.common.jobs import task

from . import frozen


@task(queue="slow")
def freeze_last_month() -> int:
    """The month that ended ten days ago at least: late sheets have been written by then."""
    day = timezone.localdate() - timedelta(days=10)
    return frozen.freeze_all((day.replace(day=1) - timedelta(days=1)).replace(day=1))
