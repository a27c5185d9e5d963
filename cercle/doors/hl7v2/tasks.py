"""After the fact: what hospitals had said of someone whose circle opens; and how long messages are kept."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common.jobs import task

from . import visits
from .models import Message

AT_ONCE = 500


@task(queue="notify", retry=3)
def show_visits(patient_id: str) -> None:
    visits.show_all(UUID(patient_id))


@task(queue="upkeep", retry=3)
def forget_messages() -> None:
    """Each night: messages of people whom nobody has followed for `RECEIVED_KEPT_DAYS`, or that named nobody, that old."""
    limit = timezone.now() - timedelta(days=settings.RECEIVED_KEPT_DAYS)
    quiet = Q(patient__last_contact_at__lt=limit) & (
        Q(patient__merged_into=None) | Q(patient__merged_into__last_contact_at__lt=limit)
    )
    old = Message.objects.filter(quiet | Q(patient=None), received_at__lt=limit).order_by("received_at")
    while ids := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            Message.objects.filter(pk__in=ids).delete()
            record(SYSTEM, "hl7v2.messages_forgotten", kind=Kind.DELETE, details={"messages": len(ids)})
