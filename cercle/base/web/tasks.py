from django.utils import timezone

from cercle.base.common.jobs import task
from cercle.base.web.models import Counter


@task(queue="upkeep")
def forget_old_counters() -> None:
    Counter.objects.filter(ends_at__lt=timezone.now()).delete()
