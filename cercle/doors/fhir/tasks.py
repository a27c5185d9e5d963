"""What the FHIR door keeps, and for how long."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common.jobs import task

from .models import Kept, Link, Received, Token

AT_ONCE = 500  # messages of one transaction: a payload may be large


@task(queue="upkeep", retry=3)
def forget_received() -> None:
    """Each night: messages of people whom nobody has followed for `RECEIVED_KEPT_DAYS`, or that named nobody, that old.

    What was written from them is the care file's and keeps its own clock; the journal says how many left.
    """
    limit = timezone.now() - timedelta(days=settings.RECEIVED_KEPT_DAYS)
    quiet = Q(patient__last_contact_at__lt=limit) & (
        # A file brought together lives as long as the one that stands for it.
        Q(patient__merged_into=None) | Q(patient__merged_into__last_contact_at__lt=limit)
    )
    old = Received.objects.filter(quiet | Q(patient=None), received_at__lt=limit).order_by("received_at")
    while ids := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            Link.objects.filter(received__in=ids).delete()
            Received.objects.filter(pk__in=ids).delete()
            record(SYSTEM, "fhir.received_forgotten", kind=Kind.DELETE, details={"messages": len(ids)})
    _forget_kept(limit)


def _forget_kept(limit) -> None:
    """What senders wrote beside our rows, and their actors, go with the last message about the person; tokens a month after."""
    held = Kept.objects.filter(Q(circle__patient__last_contact_at__lt=limit) | Q(circle=None), updated_at__lt=limit)
    while ids := list(held.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            Kept.objects.filter(pk__in=ids).delete()
            record(SYSTEM, "fhir.received_forgotten", kind=Kind.DELETE, details={"kept": len(ids)})
    Token.objects.filter(expires_at__lt=timezone.now() - timedelta(days=30)).delete()
