"""What happens without anybody: replacements end, the person is told of her referent, attachments are scanned."""

import logging
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.base.realtime.push import push
from cercle.care.documents import antivirus
from cercle.care.documents.tasks import AntivirusUnavailable
from cercle.people.circles import audience
from cercle.people.circles.vocabulary import Ground
from cercle.people.directory.models import PracticeRole

from .models import CoordinationFile, Handover, HandoverLine, SheetFile
from .vocabulary import InformedHow

log = logging.getLogger(__name__)


@task(queue="notify", retry=3)
def tell_referent(file_id: str, by: str = "", handover: str = "") -> None:
    """The person, those near her and the new referent; the message itself names nobody.

    `handover`: this file was one of many. Her referent is told once for all (tell_handover), the line says the person was.
    """
    file = CoordinationFile.objects.filter(pk=file_id).select_related("patient").first()
    if file is None or file.is_closed:
        return
    told, person = {}, False
    for user, acting in audience.people(file.patient_id):
        near = acting.ground in (Ground.PERSON, Ground.RELATIVE)
        person |= near
        if str(user.pk) == by:
            continue
        if near and not file.patient.is_deceased:
            told[user.pk] = {Relation.PERSON}
        elif acting.practice_role_id == file.referent_id and not handover:
            told[user.pk] = {Relation.NAMED}
    event = file.events.filter(kind="referent").order_by("-recorded_at").values_list("pk", flat=True).first()
    notify("referent_changed", users=told, circle_id=file.patient_id, target=file, once=str(event or UUID(int=0)))
    if handover and person:
        HandoverLine.objects.filter(handover_id=handover, file=file, kept="", informed_on=None).update(
            informed_on=timezone.localdate(), informed_how=InformedHow.CERCLE, informed_by=SYSTEM.actor_name
        )


@task(queue="notify", retry=3)
def tell_handover(handover_id: str, what: str, by: str = "") -> None:
    """`what`: "given" (whoever takes over), "back" (both). One notice for the whole caseload."""
    row = Handover.objects.filter(pk=handover_id).first()
    if row is None:
        return
    roles = [row.to_role_id] if what == "given" else [row.from_role_id, row.to_role_id]
    people = PracticeRole.objects.filter(pk__in=roles, ended_at=None, practitioner__user__is_active=True)
    users = {u for u in people.values_list("practitioner__user", flat=True) if str(u) != by}
    notify("referent_changed", users=dict.fromkeys(users, Relation.NAMED), target=row, once=what)


@task(queue="default")
def end_handovers() -> None:
    """After the last day of a replacement the files go back; one that cannot does not hold the others up."""
    from .actions.handover import end_handover

    for handover in Handover.objects.filter(ended_at=None, until__lt=timezone.localdate()).order_by("until")[:200]:
        try:
            end_handover(handover)
        except Refused as refusal:
            log.error("handover %s not given back: %s", handover.pk, refusal.code)


@task(queue="files", retry=5)
def scan_file(attachment_id: str) -> None:
    """As documents.scan, for a file that no circle holds."""
    row = (
        SheetFile.objects.filter(pk=attachment_id, scan_state__in=["not_scanned", "error"])
        .select_related("sheet")
        .first()
    )
    engine = antivirus.antivirus()
    if row is None or engine is None:
        return
    with blobs.open(row.sha256) as file:
        verdict = engine.scan(file)
    with transaction.atomic():
        SheetFile.objects.filter(pk=row.pk).update(
            scan_state=verdict.state, scan_detail=verdict.detail, scanned_at=timezone.now()
        )
        if verdict.state == SheetFile.Scan.INFECTED:
            record(SYSTEM, "documents.infection_found", on=row, kind=Kind.OTHER, details={"virus": verdict.detail})
        push(f"file:{row.sheet.file_id}")
    if verdict.state == SheetFile.Scan.ERROR:
        raise AntivirusUnavailable(verdict.detail)


@task(queue="files")
def catch_up() -> None:
    """Recurring: attachments that no engine has seen yet (it was down, or was set later)."""
    if antivirus.antivirus():
        waiting = SheetFile.objects.filter(scan_state__in=["not_scanned", "error"]).order_by("-id")
        for pk in waiting.values_list("pk", flat=True)[:500]:
            scan_file.defer(attachment_id=pk, _once=f"scan-{pk}")
