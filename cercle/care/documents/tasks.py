"""What follows an upload, in the background: thumbnail, antivirus."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common import blobs
from cercle.base.common.jobs import task
from cercle.base.realtime.push import push

from . import antivirus, content
from .models import Document


class AntivirusUnavailable(Exception):
    """So that the job is tried again."""


@task(queue="files", retry=3)
def make_thumbnail(document_id: str) -> None:
    document = Document.objects.filter(pk=document_id, thumbnail="").first()
    if document is None or not document.is_picture:
        return
    with blobs.open(document.sha256) as file:
        small = blobs.put(content.thumbnail(file))
    with transaction.atomic():
        Document.objects.filter(pk=document.pk).update(thumbnail=small.sha256)
        push(f"circle:{document.circle_id}")


@task(queue="files", retry=5)
def scan(document_id: str) -> None:
    document = Document.objects.filter(pk=document_id).to_scan().first()
    engine = antivirus.antivirus()
    if document is None or engine is None:
        return
    with blobs.open(document.sha256) as file:
        verdict = engine.scan(file)
    with transaction.atomic():
        Document.objects.filter(pk=document.pk).update(
            scan_state=verdict.state, scan_detail=verdict.detail, scanned_at=timezone.now()
        )
        if verdict.state == Document.Scan.INFECTED:
            details = {"virus": verdict.detail}
            record(
                SYSTEM,
                "documents.infection_found",
                on=document,
                kind=Kind.OTHER,
                hidden=document.hidden,
                details=details,
            )
        push(f"circle:{document.circle_id}")
    if verdict.state == Document.Scan.ERROR:
        raise AntivirusUnavailable(verdict.detail)


@task(queue="files")
def catch_up() -> None:
    """Recurring: files that no engine has seen yet (it was down, or was set later), and photos without a thumbnail."""
    if antivirus.antivirus():
        for pk in Document.objects.to_scan().order_by("-id").values_list("pk", flat=True)[:500]:
            scan.defer(document_id=pk, _once=f"scan-{pk}")
    hour_ago = timezone.now() - timedelta(hours=1)
    missing = Document.objects.filter(thumbnail="", media_type__in=content.PICTURES, recorded_at__lt=hour_ago)
    for pk in missing.order_by("-id").values_list("pk", flat=True)[:500]:
        make_thumbnail.defer(document_id=pk, _once=f"thumbnail-{pk}")
