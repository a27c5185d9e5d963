"""The verbs of the coordination file: episodes, sheets, what the structure keeps to itself, handovers.

`desk` comes from `gates.enter_file` (or `enter_desk` for a whole caseload). Rows, trace and what follows in one transaction;
each change of state writes its `FileEvent`, which the database checks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting, Viewer, in_force, reach
from cercle.people.circles.desks import Desk, is_dac
from cercle.people.circles.models import Circle, Consent, Member, Opposition
from cercle.people.circles.vocabulary import LegalGround, MemberKind
from cercle.people.directory.models import Organization, PracticeRole, Team, TeamMember
from cercle.people.patients.models import Patient

from ..models import (
    AdministrativeVersion,
    CoordinationFile,
    CoReferent,
    FileDraft,
    FileEvent,
    FollowUpSheet,
    Handover,
    HandoverLine,
    PrivateNote,
    SheetSeries,
    SheetVersion,
)
from ..models.files import ADMINISTRATIVE
from ..vocabulary import (
    Act,
    EventKind,
    ExitReason,
    FileState,
    HandoverReason,
    Level,
    Right,
    RightState,
    SheetState,
    Topic,
)

LONGEST = 20_000  # characters of a sheet or a private note
MOST_IN_SERIES = 200
SHEET_FIELDS = ("act", "at", "minutes", "topic", "text", "people")


class AdministrativeConflict(Refused):
    """Two people changed the administrative file: both are told, nothing is lost. `mine`: what the second one wrote."""

    def __init__(self, file: CoordinationFile, mine: dict, who: str):
        super().__init__(
            _(
                "%(who)s a enregistré ce dossier administratif pendant que vous écriviez. Ce que vous avez écrit est gardé : "
                "comparez, puis enregistrez."
            )
            % {"who": who},
            "conflict",
        )
        self.file, self.mine = file, mine


@dataclass(frozen=True, slots=True)
class _Inside:
    """The desk at work in one circle, for the circle's verbs: a DAC is a structure listed by L1110-12, 1°."""

    desk: Desk
    circle: Circle

    member = None
    circle_id = property(lambda self: self.circle.pk)
    circles = property(lambda self: (self.circle.pk,))
    user_id = property(lambda self: self.desk.user_id)
    practice_role_id = property(lambda self: self.desk.practice_role_id)
    actor_name = property(lambda self: self.desk.actor_name)
    actor_role = property(lambda self: self.desk.actor_role)
    ground = property(lambda self: self.desk.ground)
    opening = property(lambda self: self.desk.opening)
    source = property(lambda self: self.desk.source)


# --- Episodes ----------------------------------------------------------------------------------------------------------


def open_file(
    desk: Desk, *, patient: Patient, level: int, referent: PracticeRole, entry_reason: str, request_id: UUID | None = None,
    entry_text: str = "", team: Team | None = None, co_referents: Iterable[PracticeRole] = (), informed_on: date | None = None,
    informed_by: str = "person", informed_form: str = "oral", opened_at: datetime | None = None, synthesis: str = "",
    wish: str = "", transferred_from: CoordinationFile | None = None,
) -> CoordinationFile:  # fmt: skip
    """Open an episode with this DAC and put its referent (or its team) in the circle, which is opened if there is none.

    `informed_on`: the day the person (or `informed_by`) was told; may be left out when the circle already says so.
    Raises Refused: a living episode exists, the person opposed, nobody informed her, referent of another structure.
    """
    return _open(
        desk, desk.organization, patient=patient, level=level, referent=referent, entry_reason=entry_reason,
        request_id=request_id, entry_text=entry_text, team=team, co_referents=co_referents, informed_on=informed_on,
        informed_by=informed_by, informed_form=informed_form, opened_at=opened_at, synthesis=synthesis, wish=wish,
        transferred_from=transferred_from,
    )  # fmt: skip


def _open(
    desk, organization, *, patient, level, referent, entry_reason, request_id=None, entry_text="", team=None,
    co_referents=(), informed_on=None, informed_by="person", informed_form="oral", opened_at=None, synthesis="", wish="",
    transferred_from=None, kind=EventKind.OPENED, carried=None,
) -> CoordinationFile:  # fmt: skip
    _check_level(level)
    _of_structure(organization, referent, *co_referents)
    if team is not None and team.organization_id != organization.pk:
        raise Refused(_("Cette équipe n’est pas de cette structure."), "team")
    if informed_on and informed_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    if opened_at and opened_at > timezone.now():
        raise Refused(_("La date d’ouverture est dans le futur."), "future")
    patient = patient.merged_into or patient
    with transaction.atomic():
        Patient.objects.select_for_update(of=("self",)).get(pk=patient.pk)  # two coordinators open one episode
        former = CoordinationFile.objects.filter(patient=patient, organization=organization)
        if former.living().exists():
            raise Refused(_("Cette personne a déjà un dossier en cours dans cette structure."), "already_open")
        inside = _circle_for(desk, patient)
        _inform(inside, informed_on, informed_by, informed_form)
        file = CoordinationFile(
            patient=patient, organization=organization, level=level, referent=referent, team=team, entry_reason=entry_reason,
            entry_text=entry_text.strip()[:1000], request_id=request_id, informed_on=informed_on,
            opened_at=opened_at or timezone.now(), transferred_from=transferred_from, synthesis=_text(synthesis, empty=True),
            wish=_text(wish, empty=True), episode=(former.order_by("-episode").values_list("episode", flat=True).first() or 0) + 1,
            **(carried or {}),
        )  # fmt: skip
        if file.synthesis or file.wish:
            file.synthesis_at, file.synthesis_by = timezone.now(), desk.actor_name
        file.save(force_insert=True)
        if team is not None and not _is_member(inside.circle, team=team):
            circles.add_member(
                cast(Acting, inside), team=team, ground=LegalGround.ESTABLISHMENT, role=_("Appui à la coordination")
            )
        for role in (referent, *co_referents):
            _join(inside, role)
        for role in co_referents:
            CoReferent.objects.create(file=file, practice_role=role)
        said = {"level": level, "referent": str(referent.pk), "reason": entry_reason, "episode": file.episode}
        if transferred_from:
            said["from"] = str(transferred_from.organization_id)
        _event(desk, file, kind, said, at=file.opened_at)
        _keep_administrative(desk, file)
        record(desk, "coordination.file_opened", on=file, kind=Kind.CREATE, circle_id=patient.pk, details=said)
        _push(file)
    return file


def set_level(desk: Desk, *, file: CoordinationFile, level: int, reason: str = "") -> CoordinationFile:
    _check_level(level)
    with transaction.atomic():
        row = _living(desk, file)
        if row.level == level:
            return row
        said = {"from": row.level, "to": level, "reason": reason.strip()[:400]}
        row.level = level
        row.save(update_fields=["level"])
        _event(desk, row, EventKind.LEVEL, said)
        record(
            desk,
            "coordination.level_changed",
            on=row,
            circle_id=row.patient_id,
            details={"from": said["from"], "to": level},
        )
        _push(row)
    return row


def change_referent(
    desk: Desk, *, file: CoordinationFile, referent: PracticeRole, reason: str = ""
) -> CoordinationFile:
    """Raises Refused when the person opposed the new referent. The person is told (tasks.tell_referent)."""
    _of_structure(desk.organization, referent)
    with transaction.atomic():
        row = _living(desk, file)
        if row.referent_id == referent.pk:
            return row
        _join(_circle_for(desk, row.patient), referent)
        # A decision of today closes what a replacement would have given back.
        HandoverLine.objects.filter(file=row, given_back_at=None, kept="").update(given_back_at=timezone.now())
        _set_referent(desk, row, referent, {"reason": reason.strip()[:400]})
    return row


def _set_referent(desk, row: CoordinationFile, referent: PracticeRole, said: dict) -> None:
    said = {"from": str(row.referent_id), "to": str(referent.pk), **said}
    row.referent = referent
    row.save(update_fields=["referent"])
    CoReferent.objects.filter(file=row, practice_role=referent, ended_at=None).update(ended_at=timezone.now())
    _event(desk, row, EventKind.REFERENT, said)
    record(desk, "coordination.referent_changed", on=row, circle_id=row.patient_id, details={"to": said["to"]})
    _push(row)


def add_co_referent(desk: Desk, *, file: CoordinationFile, practice_role: PracticeRole) -> CoReferent:
    _of_structure(desk.organization, practice_role)
    with transaction.atomic():
        row = _living(desk, file)
        if row.referent_id == practice_role.pk:
            raise Refused(_("Cette personne est déjà référente de ce dossier."), "referent")
        if found := CoReferent.objects.filter(file=row, practice_role=practice_role, ended_at=None).first():
            return found
        _join(_circle_for(desk, row.patient), practice_role)
        made = CoReferent.objects.create(file=row, practice_role=practice_role)
        _event(desk, row, EventKind.CO_REFERENT, {"who": str(practice_role.pk)})
        record(
            desk,
            "coordination.co_referent_added",
            on=row,
            circle_id=row.patient_id,
            details={"who": str(practice_role.pk)},
        )
        _push(row)
    return made


def end_co_referent(desk: Desk, *, file: CoordinationFile, practice_role: PracticeRole) -> None:
    with transaction.atomic():
        row = _lock(desk, file)
        if CoReferent.objects.filter(file=row, practice_role=practice_role, ended_at=None).update(
            ended_at=timezone.now()
        ):
            _event(desk, row, EventKind.CO_REFERENT_ENDED, {"who": str(practice_role.pk)})
            record(
                desk,
                "coordination.co_referent_ended",
                on=row,
                circle_id=row.patient_id,
                details={"who": str(practice_role.pk)},
            )
            _push(row)


def suspend_file(desk: Desk, *, file: CoordinationFile, reason: str, until: date | None = None) -> CoordinationFile:
    """`until`: the day on which it comes back among one's tasks; nothing resumes by itself."""
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi l’appui est suspendu."), "reason")
    if until and until <= timezone.localdate():
        raise Refused(_("La date de reprise est déjà passée."), "until_past")
    with transaction.atomic():
        row = _living(desk, file)
        row.state, row.suspended_until = FileState.SUSPENDED, until
        row.save(update_fields=["state", "suspended_until"])
        _event(desk, row, EventKind.SUSPENDED, {"reason": reason.strip()[:400], "until": until and str(until)})
        record(desk, "coordination.file_suspended", on=row, circle_id=row.patient_id)
        _push(row)
    return row


def resume_file(desk: Desk, *, file: CoordinationFile) -> CoordinationFile:
    with transaction.atomic():
        row = _living(desk, file)
        if row.state == FileState.OPEN:
            return row
        row.state, row.suspended_until = FileState.OPEN, None
        row.save(update_fields=["state", "suspended_until"])
        _event(desk, row, EventKind.RESUMED, {})
        record(desk, "coordination.file_resumed", on=row, circle_id=row.patient_id)
        _push(row)
    return row


def close_file(
    desk: Desk, *, file: CoordinationFile, exit_reason: str, text: str = "", closed_at: datetime | None = None,
    leave_circle: bool = False,
) -> CoordinationFile:  # fmt: skip
    """End of the episode. `leave_circle`: the structure's memberships end too; its own file stays readable (`/dossiers/`)."""
    if exit_reason not in ExitReason.values:
        raise Refused(_("Dites pourquoi l’appui prend fin."), "exit_reason")
    with transaction.atomic():
        row = _living(desk, file)
        _close(desk, row, exit_reason, text, closed_at)
        if leave_circle:
            _leave(desk, row)
    return row


def _close(
    desk, row: CoordinationFile, exit_reason: str, text: str, closed_at=None, kind=EventKind.CLOSED, **said
) -> None:
    closed_at = closed_at or timezone.now()
    if closed_at < row.opened_at or closed_at > timezone.now() + timedelta(minutes=10):
        raise Refused(_("La date de fin doit suivre l’ouverture, sans être dans le futur."), "closed_at")
    row.state, row.closed_at, row.exit_reason, row.exit_text = (
        FileState.CLOSED,
        closed_at,
        exit_reason,
        text.strip()[:1000],
    )
    row.suspended_until = None
    row.save(update_fields=["state", "closed_at", "exit_reason", "exit_text", "suspended_until"])
    HandoverLine.objects.filter(file=row, given_back_at=None, kept="").update(given_back_at=timezone.now())
    _event(desk, row, kind, {"reason": exit_reason, "text": row.exit_text, **said}, at=closed_at)
    record(desk, "coordination.file_closed", on=row, circle_id=row.patient_id, details={"reason": exit_reason})
    _push(row)


def _leave(desk: Desk, row: CoordinationFile) -> None:
    circle = Circle.objects.get(pk=row.patient_id)
    ours = Q(practice_role__organization=row.organization) | Q(team__organization=row.organization)
    for member in Member.objects.filter(ours, circle=circle, ended_at=None):
        try:
            circles.end_member(cast(Acting, _Inside(desk, circle)), member=member, reason=_("fin de l’appui"))
        except Refused as refusal:  # the last professional stays: nobody is left alone
            if refusal.code != "last_member":
                raise


def reopen_file(
    desk: Desk, *, file: CoordinationFile, reason: str, new_episode: bool, level: int | None = None,
    referent: PracticeRole | None = None, entry_reason: str = "", informed_on: date | None = None,
) -> CoordinationFile:  # fmt: skip
    """The same episode, closed by mistake or too soon, or a new one; the administrative file comes along."""
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi le dossier est rouvert."), "reason")
    with transaction.atomic():
        row = _lock(desk, file)
        if not row.is_closed:
            raise Refused(_("Ce dossier est déjà ouvert."), "already_open")
        referent = referent or row.referent
        if new_episode:
            return _open(
                desk, row.organization, patient=row.patient, level=level or row.level, referent=referent,
                entry_reason=entry_reason or row.entry_reason, entry_text=reason, team=row.team, informed_on=informed_on,
                kind=EventKind.REOPENED, wish=row.wish, carried=_administrative(row),
            )  # fmt: skip
        if CoordinationFile.objects.filter(patient=row.patient, organization=row.organization).living().exists():
            raise Refused(_("Cette personne a déjà un dossier en cours dans cette structure."), "already_open")
        _of_structure(desk.organization, referent)
        inside = _circle_for(desk, row.patient)
        _inform(inside, informed_on, "person", "oral")
        _join(inside, referent)
        said = {"reason": reason.strip()[:400], "closed_at": row.closed_at.isoformat(), "exit_reason": row.exit_reason}
        row.state, row.closed_at, row.exit_reason, row.exit_text = FileState.OPEN, None, "", ""
        row.referent, row.level = referent, level or row.level
        row.save(update_fields=["state", "closed_at", "exit_reason", "exit_text", "referent", "level"])
        _event(desk, row, EventKind.REOPENED, said | {"level": row.level, "referent": str(referent.pk)})
        record(desk, "coordination.file_reopened", on=row, circle_id=row.patient_id)
        _push(row)
    return row


def transfer_file(
    desk: Desk, *, file: CoordinationFile, to: Organization, referent: PracticeRole, text: str, informed_on: date,
    leave_circle: bool = True,
) -> CoordinationFile:  # fmt: skip
    """Close here, open there: the other DAC takes the synthesis, the wish and the administrative file, not the sheets, and
    never the private notes. Both sides keep the event. Gives the other DAC's file."""
    if not is_dac(to) or to.pk == desk.organization_id:
        raise Refused(_("Choisissez un autre DAC."), "to")
    with transaction.atomic():
        row = _living(desk, file)
        carried = _administrative(row)
        _close(desk, row, ExitReason.TRANSFER, text, kind=EventKind.TRANSFERRED_OUT, to=str(to.pk))
        made = _open(
            desk, to, patient=row.patient, level=row.level, referent=referent, entry_reason="transfer", entry_text=text,
            informed_on=informed_on, synthesis=row.synthesis, wish=row.wish, transferred_from=row, kind=EventKind.TRANSFERRED_IN,
            carried=carried,
        )  # fmt: skip
        if leave_circle:
            _leave(desk, row)
    return made


# --- What the file says -------------------------------------------------------------------------------------------------


def write_synthesis(
    desk: Desk, *, file: CoordinationFile, synthesis: str, wish: str, based_on: datetime | None = None, review_on: date | None = None
) -> CoordinationFile:  # fmt: skip
    """« Où en est-on ? » and what the person wishes; what it said before stays in the events.

    `based_on`: the `synthesis_at` one had in front of her. Raises Refused("conflict") when it was rewritten in between.
    """
    with transaction.atomic():
        row = _living(desk, file)
        if based_on != row.synthesis_at and row.synthesis_by and row.synthesis_by != desk.actor_name:
            raise Refused(
                _(
                    "%(who)s a récrit la synthèse pendant que vous écriviez. Votre texte est gardé : relisez, puis enregistrez."
                )
                % {"who": row.synthesis_by},
                "conflict",
            )
        row.synthesis, row.wish = _text(synthesis, empty=True), _text(wish, empty=True)
        row.synthesis_at, row.synthesis_by, row.review_on = timezone.now(), desk.actor_name, review_on
        row.save(update_fields=["synthesis", "wish", "synthesis_at", "synthesis_by", "review_on"])
        said = {"synthesis": row.synthesis, "wish": row.wish, "review_on": review_on and str(review_on)}
        _event(desk, row, EventKind.SYNTHESIS, said)
        _forget_draft(desk, row, "synthesis")
        record(desk, "coordination.synthesis_changed", on=row, circle_id=row.patient_id)
        _push(row)
    return row


def update_administrative(desk: Desk, *, file: CoordinationFile, based_on: int, **changes: Any) -> CoordinationFile:
    """Rights, housing, family, protection, income… (ADMINISTRATIVE). `based_on`: the version one had in front of her.

    Raises AdministrativeConflict when a colleague saved in between; both versions are in it.
    """
    unknown = set(changes) - set(ADMINISTRATIVE)
    if unknown:
        raise ValueError(f"not of the administrative file: {sorted(unknown)}")
    if "rights" in changes:
        changes["rights"] = _rights(changes["rights"])
    for name in ("housing_note", "family_note", "protection_note"):
        if len(changes.get(name, "")) > 1000:
            raise Refused(_("Une précision fait 1 000 caractères au plus."), "long")
    if "people_note" in changes:
        changes["people_note"] = _text(changes["people_note"], empty=True)
    with transaction.atomic():
        row = _living(desk, file)
        if row.version != based_on:
            other = row.administrative_versions.order_by("-number").first()
            raise AdministrativeConflict(row, changes, other.by_name if other else _("Quelqu’un"))
        before = _administrative(row)
        changed = [name for name, value in changes.items() if before[name] != value]
        if not changed:
            return row
        for name in changed:
            setattr(row, name, changes[name])
        row.version += 1
        row.save(update_fields=[*changed, "version"])
        _keep_administrative(desk, row)
        _event(desk, row, EventKind.ADMINISTRATIVE, {"version": row.version, "changed": changed})
        _forget_draft(desk, row, "administrative")
        record(
            desk, "coordination.administrative_changed", on=row, circle_id=row.patient_id,
            details={"version": row.version, "changed": changed},
        )  # fmt: skip
        _push(row)
    return row


# --- Follow-up sheets ---------------------------------------------------------------------------------------------------


def write_sheet(
    desk: Desk, *, file: CoordinationFile, act: str, at: datetime, minutes: int, text: str, topic: str = Topic.COORDINATION,
    people: Sequence[str] = (), share: bool = False, appointment_id: UUID | None = None,
    ref: UUID | None = None,
) -> FollowUpSheet:  # fmt: skip
    """One act of support. `share`: said in the notebook too, in the same transaction. `appointment_id`: the visit it tells.

    `ref`: the sender's name for it; a repeated send gives back the sheet already kept.
    """
    text = _check_sheet(act, at, minutes, topic, text)
    with transaction.atomic():
        row = _living(desk, file)
        if appointment_id:
            told = FollowUpSheet.objects.filter(
                file=row, appointment_id=appointment_id, state=SheetState.CURRENT
            ).first()
            if told:
                return told
        if ref and (kept := FollowUpSheet.objects.filter(pk=ref).first()):
            if kept.file_id == row.pk and kept.author_user_id == desk.user_id:
                return kept
            ref = None  # somebody else's row: nothing is said of it
        named = {"id": ref} if ref else {}
        sheet = _write_sheet(desk, row, act, at, minutes, topic, text, people, appointment_id=appointment_id, **named)
        if share:
            share_sheet(desk, sheet=sheet)
        _forget_draft(desk, row, "sheet")
        _push(row)
    return sheet


def _write_sheet(desk, row, act, at, minutes, topic, text, people, **more) -> FollowUpSheet:
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
    topic: str = Topic.COORDINATION, people: Sequence[str] = (),
) -> SheetSeries:  # fmt: skip
    """The same act on several files, all or none. `minutes`: for each of them."""
    text = _check_sheet(act, at, minutes, topic, text)
    if not 2 <= len(files) <= MOST_IN_SERIES:
        raise Refused(_("Choisissez de 2 à %(n)s dossiers.") % {"n": MOST_IN_SERIES}, "files")
    with transaction.atomic():
        series = SheetSeries.objects.create(organization=desk.organization, author_user_id=desk.user_id)
        for file in sorted({f.pk: f for f in files}.values(), key=lambda f: f.pk):
            row = _living(desk, file)
            _write_sheet(desk, row, act, at, minutes, topic, text, people, series=series)
            _push(row)
        record(desk, "coordination.series_added", on=series, details={"files": len(files)})
    return series


def correct_sheet(
    desk: Desk, *, sheet: FollowUpSheet, based_on: int, act: str, at: datetime, minutes: int, topic: str, text: str,
    people: Sequence[str] = (), reason: str = "",
) -> FollowUpSheet:  # fmt: skip
    """One's own sheet; what it said is kept. The note it was shared as is corrected by whoever reads it there, not from here."""
    text = _check_sheet(act, at, minutes, topic, text)
    with transaction.atomic():
        row = _own_sheet(desk, sheet)
        if row.version != based_on:
            raise Refused(
                _("Cette fiche a été corrigée entre-temps. Votre texte est gardé : comparez, puis enregistrez."),
                "conflict",
            )
        _keep_sheet(desk, row, reason)
        row.act, row.at, row.minutes, row.topic, row.text, row.people = act, at, minutes, topic, text, _names(people)
        row.version += 1
        row.save(update_fields=[*SHEET_FIELDS, "version"])
        _acted(row.file, at)
        record(desk, "coordination.sheet_corrected", on=row, circle_id=row.file.patient_id, reason=reason)
        _push(row.file)
    return row


def withdraw_sheet(desk: Desk, *, sheet: FollowUpSheet, reason: str) -> FollowUpSheet:
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi vous retirez cette fiche."), "reason")
    with transaction.atomic():
        row = _own_sheet(desk, sheet)
        _keep_sheet(desk, row, reason)
        row.state, row.version = SheetState.WITHDRAWN, row.version + 1
        row.save(update_fields=["state", "version"])
        record(desk, "coordination.sheet_withdrawn", on=row, circle_id=row.file.patient_id, reason=reason)
        _push(row.file)
    return row


def share_sheet(desk: Desk, *, sheet: FollowUpSheet, text: str = "", hidden: int = 0) -> Note:
    """Say it to the circle: a note in the notebook, signed by who shares, in one transaction. Once per sheet.

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
        note = notebook.add_note(
            acting, text=(text or row.text).strip(), hidden=hidden, written_at=min(row.at, timezone.now())
        )
        row.note = note
        row.save(update_fields=["note"])
        record(
            desk,
            "coordination.sheet_shared",
            on=row,
            circle_id=row.file.patient_id,
            hidden=hidden,
            details={"note": str(note.pk)},
        )
    sheet.note = note
    return note


# --- What the structure keeps to itself ---------------------------------------------------------------------------------


def add_private_note(desk: Desk, *, file: CoordinationFile, text: str) -> PrivateNote:
    """Read by the structure's desk only; outlives episodes and circle, so a closed file takes them too."""
    text = _text(text)
    with transaction.atomic():
        row = _lock(desk, file)
        note = _private(desk, row.patient_id, text)
        _forget_draft(desk, row, "private")
        # No circle on this trace: the circle's log must not tell that such a note exists.
        record(_apart(desk), "coordination.private_note_added", on=note)
        _push(row)
    return note


def correct_private_note(desk: Desk, *, note: PrivateNote, text: str) -> PrivateNote:
    text = _text(text)
    with transaction.atomic():
        row = _own_private(desk, note)
        made = _private(desk, row.patient_id, text)
        row.replaced_by = made
        row.save(update_fields=["replaced_by"])
        record(_apart(desk), "coordination.private_note_corrected", on=made)
    return made


def withdraw_private_note(desk: Desk, *, note: PrivateNote) -> None:
    with transaction.atomic():
        row = _own_private(desk, note)
        row.withdrawn_at = timezone.now()
        row.save(update_fields=["withdrawn_at"])
        record(_apart(desk), "coordination.private_note_withdrawn", on=row)


def _private(desk: Desk, patient_id, text: str) -> PrivateNote:
    return PrivateNote.objects.create(
        organization=desk.organization, patient_id=patient_id, text=text, author_user_id=desk.user_id,
        author_role_id=desk.practice_role_id, author_name=desk.actor_name,
    )  # fmt: skip


def _own_private(desk: Desk, note: PrivateNote) -> PrivateNote:
    row = PrivateNote.objects.select_for_update(of=("self",)).get(pk=note.pk, organization=desk.organization)
    if row.author_user_id != desk.user_id:
        raise Refused(_("Seul l’auteur d’une note peut la corriger ou la retirer."), "not_author")
    if row.replaced_by_id or row.withdrawn_at:
        raise Refused(_("Cette note a déjà été corrigée ou retirée."), "done")
    return row


def _apart(desk: Desk) -> Desk:
    from dataclasses import replace

    return replace(desk, circle_id=None)


# --- Handover -----------------------------------------------------------------------------------------------------------


def hand_over(desk: Desk, *, from_role: PracticeRole, to_role: PracticeRole, until: date | None = None) -> Handover:
    """Pass on a whole caseload. With `until` (last day) it comes back by itself; without, it is a departure.

    A file whose person refused the new referent stays where it is: its line says so. Each person is told.
    """
    _of_structure(desk.organization, to_role)
    if from_role.organization_id != desk.organization_id:
        raise Refused(_("Cette personne n’exerce pas dans votre structure."), "from")
    if from_role.pk == to_role.pk:
        raise Refused(_("Choisissez une autre personne."), "same")
    if until and until < timezone.localdate():
        raise Refused(_("La date de retour est déjà passée."), "until_past")
    with transaction.atomic():
        rows = list(
            CoordinationFile.objects.select_for_update(of=("self",))
            .filter(organization=desk.organization, referent=from_role)
            .living()
            .select_related("patient__circle")
            .order_by("pk")
        )
        if not rows:
            raise Refused(_("Cette personne n’a aucun dossier en cours."), "nothing")
        handover = Handover.objects.create(
            organization=desk.organization, from_role=from_role, to_role=to_role, until=until,
            reason=HandoverReason.LEAVE if until else HandoverReason.DEPARTURE, author_user_id=desk.user_id,
            author_role_id=desk.practice_role_id, author_name=desk.actor_name,
        )  # fmt: skip
        refused = _refusing(to_role, [r.patient.circle for r in rows])
        ends = _end_of(until) if until else None
        for row in rows:
            if row.patient_id in refused:
                HandoverLine.objects.create(handover=handover, file=row, kept="opposed")
                continue
            inside = _Inside(desk, row.patient.circle)
            member = _join(inside, to_role, until=ends)
            HandoverLine.objects.create(handover=handover, file=row, member=member)
            _set_referent(desk, row, to_role, {"handover": str(handover.pk), "until": until and str(until)})
            if not until:
                _end_role(inside, from_role)
        kept = len(refused)
        record(
            desk, "coordination.caseload_handed_over", on=handover,
            details={"files": len(rows) - kept, "kept": kept, "until": until and str(until)},
        )  # fmt: skip
    return handover


def end_handover(handover: Handover, *, desk: Desk | None = None) -> int:
    """Give the files back: at its end (job), or sooner when she is back. How many came back.

    A file that was given to a third person since stays with her, unless she holds it as the replacement's own replacement.
    """
    with transaction.atomic():
        row = (
            Handover.objects.select_for_update(of=("self",)).select_related("from_role", "to_role").get(pk=handover.pk)
        )
        if row.ended_at or not row.until:
            return 0
        back = 0
        lines = list(row.lines.filter(given_back_at=None, kept="").select_related("member").order_by("file_id"))
        files = {
            f.pk: f
            for f in CoordinationFile.objects.select_for_update(of=("self",))
            .filter(pk__in=[x.file_id for x in lines])
            .select_related("patient__circle")
            .order_by("pk")
        }
        refused = _refusing(row.from_role, [f.patient.circle for f in files.values()])
        for line in lines:
            file = files[line.file_id]
            line.given_back_at = timezone.now()
            line.save(update_fields=["given_back_at"])
            if file.is_closed or file.patient_id in refused or row.from_role.ended_at or not _holds_through(row, file):
                continue
            inside = _Inside(desk, file.patient.circle) if desk else None
            _set_referent(desk or SYSTEM, file, row.from_role, {"handover": str(row.pk), "back": True})
            back += 1
            if line.member_id and line.member.ended_at is None and inside:
                circles.end_member(cast(Acting, inside), member=line.member, reason=_("retour du référent"))
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        record(desk or SYSTEM, "coordination.caseload_given_back", on=row, details={"files": back})
    return back


def _holds_through(handover: Handover, file: CoordinationFile) -> bool:
    """The present referent is the replacement, or the replacement's own replacement; those lines end too."""
    holder = handover.to_role_id
    while file.referent_id != holder:
        line = (
            HandoverLine.objects.filter(file=file, given_back_at=None, kept="", handover__from_role_id=holder)
            .select_related("handover")
            .first()
        )
        if line is None:
            return False
        line.given_back_at = timezone.now()
        line.save(update_fields=["given_back_at"])
        holder = line.handover.to_role_id
    return True


def _refusing(role: PracticeRole, found: Sequence[Circle]) -> set[UUID]:
    """Circles, among these, whose person refused this professional, her profession or her structure as a whole."""
    marked = [c for c in found if c.has_oppositions]
    if not marked:
        return set()
    viewer = Viewer(
        user_id=None, practice_role_id=role.pk, practitioner_id=role.practitioner_id, organization_id=role.organization_id,
        profession=f"{role.profession_system}:{role.profession}",
    )  # fmt: skip
    return {
        c.pk
        for c in marked
        if Opposition.objects.active().of(c).filter(viewer.opposed(), category="", target_id=None).exists()
    }


# --- Drafts -------------------------------------------------------------------------------------------------------------

SLOTS = ("sheet", "private", "synthesis", "administrative")


def keep_draft(desk: Desk, *, file: CoordinationFile, slot: str, data: dict) -> datetime:
    """What is being typed; gone when it is saved. No trace: nobody else sees it."""
    if slot not in SLOTS:
        raise Refused(_("Brouillon inconnu."), "slot")
    now = timezone.now()
    FileDraft.objects.update_or_create(
        user_id=desk.user_id, file_id=file.pk, slot=slot, defaults={"data": data, "updated_at": now}
    )
    return now


def _forget_draft(desk, file: CoordinationFile, slot: str) -> None:
    FileDraft.objects.filter(user_id=desk.user_id, file_id=file.pk, slot=slot).delete()


# --- the small steps ----------------------------------------------------------------------------------------------------


def _lock(desk: Desk, file: CoordinationFile) -> CoordinationFile:
    return (
        CoordinationFile.objects.select_for_update(of=("self",))
        .select_related("patient__circle", "organization", "referent")
        .get(pk=file.pk, organization_id=desk.organization_id)
    )


def _living(desk: Desk, file: CoordinationFile) -> CoordinationFile:
    row = _lock(desk, file)
    if row.is_closed:
        raise Refused(_("Ce dossier est clos. Rouvrez-le pour y écrire."), "closed")
    return row


def _check_level(level: int) -> None:
    if level not in Level.values:
        raise Refused(_("Choisissez un niveau de 1 à 3."), "level")


def _of_structure(organization: Organization, *roles: PracticeRole) -> None:
    for role in roles:
        if role.organization_id != organization.pk or role.ended_at:
            raise Refused(_("Le référent doit exercer dans la structure qui tient le dossier."), "referent")


def _text(text: str, *, empty: bool = False) -> str:
    text = (text or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if not text and not empty:
        raise Refused(_("Écrivez quelques mots."), "empty")
    if len(text) > LONGEST:
        raise Refused(
            _("Votre texte fait %(n)s caractères ; %(max)s au plus. Joignez plutôt un document.")
            % {"n": len(text), "max": LONGEST},
            "long",
        )
    return text


def _check_sheet(act: str, at: datetime, minutes: int, topic: str, text: str) -> str:
    if act not in Act.values or topic not in Topic.values:
        raise Refused(_("Acte ou sujet inconnu."), "vocabulary")
    if not 0 <= minutes <= 1440:
        raise Refused(_("La durée va de 0 à 24 heures."), "minutes")
    if at > timezone.now() + timedelta(minutes=10):
        raise Refused(_("La date de la fiche est dans le futur. Pour ce qui est prévu, utilisez l’agenda."), "future")
    return _text(text)


def _names(people: Sequence[str]) -> list[str]:
    return [name.strip()[:120] for name in people if name.strip()][:30]


def _rights(given: dict) -> dict:
    kept = {}
    for code, line in given.items():
        state = line.get("state", "")
        if code not in Right.values or (state and state not in RightState.values):
            raise Refused(_("Droit inconnu."), "vocabulary")
        if state:
            kept[code] = {
                "state": state,
                "until": line.get("until") or "",
                "note": (line.get("note") or "").strip()[:200],
            }
    return kept


def _administrative(row: CoordinationFile) -> dict:
    return {name: getattr(row, name) for name in ADMINISTRATIVE}


def _keep_administrative(desk, row: CoordinationFile) -> None:
    AdministrativeVersion.objects.create(
        file=row, number=row.version, data=_administrative(row), by_user_id=desk.user_id, by_name=desk.actor_name
    )


def _keep_sheet(desk: Desk, row: FollowUpSheet, reason: str) -> None:
    data = {name: getattr(row, name) for name in SHEET_FIELDS} | {"at": row.at.isoformat(), "state": row.state}
    SheetVersion.objects.create(
        sheet=row,
        number=row.version,
        data=data,
        reason=reason.strip()[:400],
        by_user_id=desk.user_id,
        by_name=desk.actor_name,
    )


def _own_sheet(desk: Desk, sheet: FollowUpSheet) -> FollowUpSheet:
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


def _event(desk, file: CoordinationFile, kind: str, data: dict, at: datetime | None = None) -> FileEvent:
    return FileEvent.objects.create(
        file=file, kind=kind, at=at or timezone.now(), author_user_id=desk.user_id, author_role_id=desk.practice_role_id,
        author_name=desk.actor_name[:200], data=data,
    )  # fmt: skip


def _push(file: CoordinationFile) -> None:
    push(f"file:{file.pk}")


def _circle_for(desk: Desk, patient: Patient) -> _Inside:
    circle = Circle.objects.filter(pk=patient.pk).first()
    if circle is None:
        circle, _member = circles.open_circle(desk.viewer, patient=patient, ground=LegalGround.ESTABLISHMENT)
    return _Inside(desk, circle)


def _inform(inside: _Inside, informed_on: date | None, by: str, form: str) -> None:
    """Rule 3, inside the team: the person is told, and may oppose."""
    if informed_on:
        circles.record_consent(
            cast(Acting, inside),
            flow="information",
            given_by=by,
            form=form,
            given_on=informed_on,
            scope=_("appui à la coordination"),
        )
    elif not Consent.objects.filter(circle=inside.circle, withdrawn_at=None).exists():
        raise Refused(
            _("Notez le jour où la personne a été informée de l’appui : elle peut s’y opposer."), "information"
        )


def _is_member(circle: Circle, *, role: PracticeRole | None = None, team: Team | None = None) -> bool:
    if team is not None:
        who = Q(team=team)
    else:
        teams = TeamMember.objects.filter(practice_role=role, ended_at=None, team__closed_at=None).values("team_id")
        who = Q(practice_role=role) | Q(team_id__in=teams)
    return Member.objects.filter(in_force(), who, circle=circle).exists()


def _join(inside: _Inside, role: PracticeRole, until: datetime | None = None) -> Member | None:
    """The referent is in the circle, by herself or by her team; None when she was already."""
    if _refusing(role, [inside.circle]):
        raise Refused(_("La personne s’est opposée à ce professionnel."), "opposed")
    if _is_member(inside.circle, role=role):
        return None
    return circles.add_member(
        cast(Acting, inside),
        practice_role=role,
        ground=LegalGround.ESTABLISHMENT,
        role=_("Appui à la coordination"),
        until=until,
    )


def _end_role(inside: _Inside, role: PracticeRole) -> None:
    for member in Member.objects.filter(
        circle=inside.circle, kind=MemberKind.PRACTICE_ROLE, practice_role=role, ended_at=None
    ):
        circles.end_member(cast(Acting, inside), member=member, reason=_("dossiers transmis"))


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time(0)))
