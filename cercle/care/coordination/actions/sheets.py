"""The verbs of follow-up sheets: one act of support, written, joined with files, corrected, withdrawn, said to the circle."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.core.files import File
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import record
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.care.documents import antivirus, content
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.circles.access import reach
from cercle.people.circles.desks import Desk
from cercle.people.patients.models import Patient

from .. import tasks
from ..models import CoordinationFile, FollowUpSheet, SheetFile, SheetSeries, SheetVersion
from ..vocabulary import Act, SheetState, Topic
from .steps import clean, forget_draft, living, locked, once, tell

MOST_IN_SERIES = 200
MOST_FILES = 10
SHEET_FIELDS = ("act", "at", "minutes", "topic", "text", "people")


class SheetConflict(Refused):
    """The sheet was corrected in between: `sheet` is what it says now."""

    def __init__(self, sheet: FollowUpSheet):
        super().__init__(
            _("Cette fiche a été corrigée entre-temps. Votre texte est gardé : comparez, puis enregistrez."), "conflict"
        )
        self.sheet = sheet


def write_sheet(
    desk: Desk, *, file: CoordinationFile, act: str, at: datetime, minutes: int, text: str, topic: str = Topic.COORDINATION,
    people: Sequence[str] = (), files: Iterable[BinaryIO] = (), share: bool = False, appointment_id: UUID | None = None,
    ref: UUID | None = None,
) -> FollowUpSheet:  # fmt: skip
    """One act of support. `share`: said in the notebook too, in the same transaction. `appointment_id`: the visit it tells.

    `files`: uploads, checked and cleaned here. `ref`: the sender's name for it; the same words sent again give back the sheet
    already kept. Raises Refused, and nothing is kept: closed, empty, too long, in the future, a file that cannot be taken.
    """
    text, files = _check(act, at, minutes, topic, text), list(files)
    with transaction.atomic():
        row, made = living(desk, file), uuid7()
        kept = FollowUpSheet.objects.filter(pk=once(desk, row.pk, ref, "sheet", made), text=text).first()
        if kept is not None:
            return kept
        if appointment_id:
            told = row.sheets.filter(appointment_id=appointment_id, state=SheetState.CURRENT).first()
            if told:
                return told
        sheet = _write(desk, row, act, at, minutes, topic, text, people, appointment_id=appointment_id, id=made)
        _join_files(desk, sheet, files)
        if share:
            share_sheet(desk, sheet=sheet)
        forget_draft(desk, row, "sheet")
        tell(row)
    return sheet


def _write(desk: Desk, row: CoordinationFile, act, at, minutes, topic, text, people, **more) -> FollowUpSheet:
    sheet = FollowUpSheet.objects.create(
        file=row, organization_id=row.organization_id, act=act, at=at, minutes=minutes, topic=topic, text=text,
        people=_names(people), author_user_id=desk.user_id, author_role_id=desk.practice_role_id, author_name=desk.actor_name,
        **more,
    )  # fmt: skip
    _acted(row, at)
    record(
        desk, "coordination.sheet_added", on=sheet, circle_id=row.patient_id,
        details={"act": act, "minutes": minutes, "topic": topic, "file": str(row.pk)},
    )  # fmt: skip
    return sheet


def write_series(
    desk: Desk, *, files: Sequence[CoordinationFile], act: str, at: datetime, minutes: int, text: str,
    topic: str = Topic.COORDINATION, people: Sequence[str] = (), ref: UUID | None = None,
) -> SheetSeries:  # fmt: skip
    """The same act on several files, all or none. `minutes`: for each of them. `ref`: sent twice, kept once."""
    text = _check(act, at, minutes, topic, text)
    chosen = sorted({f.pk: f for f in files}.values(), key=lambda f: f.pk)
    if not 2 <= len(chosen) <= MOST_IN_SERIES:
        raise Refused(_("Choisissez de 2 à %(n)s dossiers.") % {"n": MOST_IN_SERIES}, "files")
    with transaction.atomic():
        made = uuid7()
        first = FollowUpSheet.objects.filter(
            series=once(desk, desk.organization.pk, ref, "sheet_series", made), text=text
        )
        if ref and (kept := first.select_related("series").first()):
            return kept.series
        series = SheetSeries.objects.create(id=made, organization=desk.organization, author_user_id=desk.user_id)
        for file in chosen:
            row = living(desk, file)
            _write(desk, row, act, at, minutes, topic, text, people, series=series)
            tell(row)
        record(desk, "coordination.series_added", on=series, details={"files": len(chosen)})
    return series


def correct_sheet(
    desk: Desk, *, sheet: FollowUpSheet, based_on: int, act: str, at: datetime, minutes: int, topic: str, text: str,
    people: Sequence[str] = (), files: Iterable[BinaryIO] = (), reason: str = "",
) -> FollowUpSheet:  # fmt: skip
    """One's own sheet; what it said is kept. The note it was shared as is corrected in the notebook, not from here."""
    text, files = _check(act, at, minutes, topic, text), list(files)
    with transaction.atomic():
        row = _own(desk, sheet)
        if row.version != based_on:
            raise SheetConflict(row)
        _keep(desk, row, reason)
        row.act, row.at, row.minutes, row.topic, row.text, row.people = act, at, minutes, topic, text, _names(people)
        row.version += 1
        row.save(update_fields=[*SHEET_FIELDS, "version"])
        _join_files(desk, row, files)
        _last_act_again(row.file)
        record(desk, "coordination.sheet_corrected", on=row, circle_id=row.file.patient_id, reason=reason)
        tell(row.file)
    return row


def withdraw_sheet(desk: Desk, *, sheet: FollowUpSheet, reason: str) -> FollowUpSheet:
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi vous retirez cette fiche."), "reason")
    with transaction.atomic():
        row = _own(desk, sheet)
        _keep(desk, row, reason)
        row.state, row.version = SheetState.WITHDRAWN, row.version + 1
        row.save(update_fields=["state", "version"])
        _last_act_again(row.file)
        record(desk, "coordination.sheet_withdrawn", on=row, circle_id=row.file.patient_id, reason=reason)
        tell(row.file)
    return row


def withdraw_file(desk: Desk, *, attachment: SheetFile) -> None:
    """Out of sight; row and bytes stay, as the sheet's former states do. By the sheet's author."""
    with transaction.atomic():
        row = _own(desk, attachment.sheet)
        if row.files.filter(pk=attachment.pk, withdrawn_at=None).update(withdrawn_at=timezone.now()):
            record(desk, "coordination.sheet_file_withdrawn", on=attachment, circle_id=row.file.patient_id)
            tell(row.file)


def share_sheet(desk: Desk, *, sheet: FollowUpSheet, text: str = "", hidden: int = 0) -> Note:
    """Say it to the circle with its files: a note in the notebook, signed by who shares, in one transaction. Once per sheet.

    Raises Refused when one is no longer in the circle, or may not write in its notebook.
    """
    with transaction.atomic():
        row = FollowUpSheet.objects.select_for_update(of=("self",)).get(pk=sheet.pk, organization=desk.organization)
        if row.state != SheetState.CURRENT:
            raise Refused(_("Cette fiche a été retirée."), "withdrawn")
        if row.note_id:
            return row.note
        acting = reach(desk.viewer, row.file.patient_id)
        if acting is None:
            raise Refused(
                _("Vous n’êtes plus dans le cercle de cette personne : rien ne peut y être écrit d’ici."), "outside"
            )
        held = list(row.files.filter(withdrawn_at=None).order_by("id"))
        if any(one.held_back for one in held):
            raise Refused(_("L’antivirus n’a pas encore vu un des fichiers joints. Réessayez dans une minute."), "scan")
        with ExitStack() as opened:
            note = notebook.add_note(
                acting, text=(text or row.text).strip(), hidden=hidden, written_at=min(row.at, timezone.now()),
                files=[File(opened.enter_context(blobs.open(one.sha256)), name=one.name) for one in held],
            )  # fmt: skip
        row.note = note
        row.save(update_fields=["note"])
        record(
            desk, "coordination.sheet_shared", on=row, circle_id=row.file.patient_id, hidden=hidden,
            details={"note": str(note.pk)},
        )  # fmt: skip
    sheet.note = note
    return note


# --- The small steps ---------------------------------------------------------------------------------------------------


def _join_files(desk: Desk, sheet: FollowUpSheet, files: Sequence[BinaryIO]) -> None:
    if sheet.files.filter(withdrawn_at=None).count() + len(files) > MOST_FILES:
        raise Refused(_("%(n)s fichiers au plus par fiche.") % {"n": MOST_FILES}, "files")
    for file in files:
        checked = content.check(file, getattr(file, "size", None))
        blob = blobs.put(checked.stream)
        row = SheetFile.objects.create(
            sheet=sheet, sha256=blob.sha256, size=blob.size, media_type=checked.media_type, width=checked.width,
            height=checked.height, name=content.clean_name(getattr(file, "name", "") or "", checked.media_type),
            active_content=checked.active_content, author_user_id=desk.user_id,
        )  # fmt: skip
        record(
            desk, "coordination.sheet_file_added", on=row, circle_id=sheet.file.patient_id,
            details={"media_type": row.media_type, "size": row.size},
        )  # fmt: skip
        if antivirus.antivirus():
            tasks.scan_file.defer(attachment_id=row.pk)


def _check(act: str, at: datetime, minutes: int, topic: str, text: str) -> str:
    if act not in Act.values or topic not in Topic.values:
        raise Refused(_("Acte ou sujet inconnu."), "vocabulary")
    if not 0 <= minutes <= 1440:
        raise Refused(_("La durée va de 0 à 24 heures."), "minutes")
    if at > timezone.now() + timedelta(minutes=10):
        raise Refused(_("La date de la fiche est dans le futur. Pour ce qui est prévu, utilisez l’agenda."), "future")
    return clean(text)


def _names(people: Sequence[str]) -> list[str]:
    return [name.strip()[:120] for name in people if name.strip()][:30]


def _keep(desk: Desk, row: FollowUpSheet, reason: str) -> None:
    data = {name: getattr(row, name) for name in SHEET_FIELDS} | {"at": row.at.isoformat(), "state": row.state}
    SheetVersion.objects.create(
        sheet=row,
        number=row.version,
        data=data,
        reason=reason.strip()[:400],
        by_user_id=desk.user_id,
        by_name=desk.actor_name,
    )


def _own(desk: Desk, sheet: FollowUpSheet) -> FollowUpSheet:
    locked(desk, sheet.file)
    row = (
        FollowUpSheet.objects.select_for_update(of=("self",))
        .select_related("file")
        .get(pk=sheet.pk, organization=desk.organization)
    )
    if row.author_user_id != desk.user_id:
        raise Refused(_("Seul l’auteur d’une fiche peut la corriger ou la retirer."), "not_author")
    if row.state != SheetState.CURRENT:
        raise Refused(_("Cette fiche a été retirée."), "withdrawn")
    return row


def _acted(row: CoordinationFile, at: datetime) -> None:
    CoordinationFile.objects.filter(Q(last_act_at=None) | Q(last_act_at__lt=at), pk=row.pk).update(last_act_at=at)
    Patient.objects.filter(pk=row.patient_id).update(last_contact_at=timezone.now())


def _last_act_again(row: CoordinationFile) -> None:
    """After a correction or a withdrawal the last act may be an earlier one."""
    last = row.sheets.filter(state=SheetState.CURRENT).order_by("-at", "-id").values_list("at", flat=True).first()
    CoordinationFile.objects.filter(pk=row.pk).update(last_act_at=last)
