"""The verbs of the coordination file: episodes, what it says, what the structure keeps to itself.

`desk` comes from `gates.enter_file`. Rows, trace and what follows in one transaction; each change of state writes its
`FileEvent`, which the database checks. Sheets and handovers have their own modules beside this one.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.people.circles import actions as circles
from cercle.people.circles.desks import Desk, is_dac
from cercle.people.circles.vocabulary import LegalGround
from cercle.people.directory.models import Organization, PracticeRole, Team
from cercle.people.patients.models import Patient

from ..models import AdministrativeVersion, CoordinationFile, CoReferent, FileDraft, HandoverLine, PrivateNote
from ..models.files import ADMINISTRATIVE
from ..vocabulary import EventKind, ExitReason, FileState, HandoverEnd, Right, RightState
from .steps import (
    check_level,
    circle_for,
    clean,
    end_co_referents,
    event,
    forget_draft,
    in_team,
    inform,
    join,
    leave,
    living,
    locked,
    of_structure,
    once,
    opposed,
    refusing,
    same_person,
    set_referent,
    tell,
)

UNSEEN: Any = object()  # the writer does not say what she had in front of her


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
    co_referents = list(co_referents)
    check_level(level)
    of_structure(organization, referent, *co_referents)
    if team is not None and team.organization_id != organization.pk:
        raise Refused(_("Cette équipe n’est pas de cette structure."), "team")
    if informed_on and informed_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    if opened_at and opened_at > timezone.now():
        raise Refused(_("La date d’ouverture est dans le futur."), "future")
    patient = patient.merged_into or patient
    with transaction.atomic():
        if _person(patient).is_deceased:
            raise Refused(_("Le décès de cette personne est enregistré : son appui ne s’ouvre pas."), "deceased")
        former = _episodes(patient, organization)
        if former.living().exists():
            raise _already_open()
        at = circle_for(desk, patient)
        if refusing(desk.practice_role, [at.circle]):
            raise opposed()
        inform(at, informed_on, informed_by, informed_form)
        file = CoordinationFile(
            patient=patient, organization=organization, level=level, referent=referent, team=team, entry_reason=entry_reason,
            entry_text=entry_text.strip()[:1000], request_id=request_id, informed_on=informed_on,
            opened_at=opened_at or timezone.now(), transferred_from=transferred_from, synthesis=clean(synthesis, empty=True),
            wish=clean(wish, empty=True), episode=(former.order_by("-episode").values_list("episode", flat=True).first() or 0) + 1,
            **(carried or {}),
        )  # fmt: skip
        if file.synthesis or file.wish:
            file.synthesis_at, file.synthesis_by = timezone.now(), desk.actor_name
        file.save(force_insert=True)
        if team is not None and not in_team(at.circle, team):
            circles.add_member(at, team=team, ground=LegalGround.ESTABLISHMENT, role=_("Appui à la coordination"))
        for role in (referent, *co_referents):
            join(at, role)
        for role in co_referents:
            CoReferent.objects.create(file=file, practice_role=role)
        said: dict[str, Any] = {
            "level": level,
            "referent": str(referent.pk),
            "reason": entry_reason,
            "episode": file.episode,
        }
        if co_referents:
            said["co_referents"] = [str(role.pk) for role in co_referents]
        if transferred_from:
            said["from"] = str(transferred_from.organization_id)
        event(desk, file, kind, said, at=file.opened_at)
        _keep_administrative(desk, file)
        record(desk, "coordination.file_opened", on=file, kind=Kind.CREATE, circle_id=patient.pk, details=said)
        tell(file)
    return file


def _person(patient: Patient) -> Patient:
    """Her row is the lock: two coordinators open one episode."""
    return Patient.objects.select_for_update(of=("self",)).get(pk=patient.canonical_id)


def _episodes(patient: Patient, organization: Organization):
    """All her episodes with this structure, in whichever of her files."""
    return CoordinationFile.objects.filter(patient__in=same_person(patient), organization=organization)


def _already_open() -> Refused:
    return Refused(_("Cette personne a déjà un dossier en cours dans cette structure."), "already_open")


def set_level(desk: Desk, *, file: CoordinationFile, level: int, reason: str = "") -> CoordinationFile:
    check_level(level)
    with transaction.atomic():
        row = living(desk, file)
        if row.level == level:
            return row
        moved = {"from": row.level, "to": level}
        row.level = level
        row.save(update_fields=["level"])
        event(desk, row, EventKind.LEVEL, moved | {"reason": reason.strip()[:400]})
        record(desk, "coordination.level_changed", on=row, circle_id=row.patient_id, details=moved)
        tell(row)
    return row


def change_referent(
    desk: Desk, *, file: CoordinationFile, referent: PracticeRole, reason: str = ""
) -> CoordinationFile:
    """For good: a replacement under way ends for this file, also when the replacement keeps it. The person is told.

    Raises Refused when the person opposed the new referent.
    """
    of_structure(desk.organization, referent)
    with transaction.atomic():
        row = living(desk, file)
        under_way = HandoverLine.objects.filter(file=row, given_back_at=None, kept="", handover__until__isnull=False)
        if row.referent_id == referent.pk and not under_way.exists():
            return row
        join(circle_for(desk, row.patient), referent)
        under_way.update(given_back_at=timezone.now(), ended_as=HandoverEnd.GIVEN)
        if row.referent_id != referent.pk:
            set_referent(desk, row, referent, {"reason": reason.strip()[:400]})
    return row


def add_co_referent(desk: Desk, *, file: CoordinationFile, practice_role: PracticeRole) -> CoReferent:
    of_structure(desk.organization, practice_role)
    with transaction.atomic():
        row = living(desk, file)
        if row.referent_id == practice_role.pk:
            raise Refused(_("Cette personne est déjà référente de ce dossier."), "referent")
        if found := CoReferent.objects.filter(file=row, practice_role=practice_role, ended_at=None).first():
            return found
        join(circle_for(desk, row.patient), practice_role)
        made = CoReferent.objects.create(file=row, practice_role=practice_role)
        who = {"who": str(practice_role.pk)}
        event(desk, row, EventKind.CO_REFERENT, who)
        record(desk, "coordination.co_referent_added", on=row, circle_id=row.patient_id, details=who)
        tell(row)
    return made


def end_co_referent(desk: Desk, *, file: CoordinationFile, practice_role: PracticeRole) -> None:
    with transaction.atomic():
        row = locked(desk, file)
        if end_co_referents(desk, row, practice_role):
            who = {"who": str(practice_role.pk)}
            record(desk, "coordination.co_referent_ended", on=row, circle_id=row.patient_id, details=who)
            tell(row)


def suspend_file(desk: Desk, *, file: CoordinationFile, reason: str, until: date | None = None) -> CoordinationFile:
    """`until`: the day on which it comes back among one's tasks; nothing resumes by itself."""
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi l’appui est suspendu."), "reason")
    if until and until <= timezone.localdate():
        raise Refused(_("La date de reprise est déjà passée."), "until_past")
    with transaction.atomic():
        row = living(desk, file)
        row.state, row.suspended_until = FileState.SUSPENDED, until
        row.save(update_fields=["state", "suspended_until"])
        event(desk, row, EventKind.SUSPENDED, {"reason": reason.strip()[:400], "until": until and str(until)})
        record(desk, "coordination.file_suspended", on=row, circle_id=row.patient_id)
        tell(row)
    return row


def resume_file(desk: Desk, *, file: CoordinationFile) -> CoordinationFile:
    with transaction.atomic():
        row = living(desk, file)
        if row.state == FileState.OPEN:
            return row
        row.state, row.suspended_until = FileState.OPEN, None
        row.save(update_fields=["state", "suspended_until"])
        event(desk, row, EventKind.RESUMED, {})
        record(desk, "coordination.file_resumed", on=row, circle_id=row.patient_id)
        tell(row)
    return row


def close_file(
    desk: Desk, *, file: CoordinationFile, exit_reason: str, text: str = "", closed_at: datetime | None = None,
    leave_circle: bool = False,
) -> CoordinationFile:  # fmt: skip
    """End of the episode. `leave_circle`: the structure's memberships end too; its own file stays readable (`/dossiers/`)."""
    if exit_reason not in ExitReason.values:
        raise Refused(_("Dites pourquoi l’appui prend fin."), "exit_reason")
    with transaction.atomic():
        row = living(desk, file)
        _close(desk, row, exit_reason, text, closed_at)
        if leave_circle:
            leave(desk, row)
    return row


def _close(
    desk, row: CoordinationFile, exit_reason: str, text: str, closed_at=None, kind=EventKind.CLOSED, **said
) -> None:
    closed_at = closed_at or timezone.now()
    if closed_at < row.opened_at or closed_at > timezone.now() + timedelta(minutes=10):
        raise Refused(_("La date de fin doit suivre l’ouverture, sans être dans le futur."), "closed_at")
    row.state, row.closed_at, row.suspended_until = FileState.CLOSED, closed_at, None
    row.exit_reason, row.exit_text = exit_reason, text.strip()[:1000]
    row.save(update_fields=["state", "closed_at", "exit_reason", "exit_text", "suspended_until"])
    HandoverLine.objects.filter(file=row, given_back_at=None, kept="").update(
        given_back_at=timezone.now(), ended_as=HandoverEnd.CLOSED
    )
    event(desk, row, kind, {"reason": exit_reason, "text": row.exit_text, **said}, at=closed_at)
    record(desk, "coordination.file_closed", on=row, circle_id=row.patient_id, details={"reason": exit_reason})
    tell(row)


def reopen_file(
    desk: Desk, *, file: CoordinationFile, reason: str, new_episode: bool, level: int | None = None,
    referent: PracticeRole | None = None, entry_reason: str = "", informed_on: date | None = None,
) -> CoordinationFile:  # fmt: skip
    """The same episode, closed by mistake or too soon, or a new one; the administrative file comes along."""
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi le dossier est rouvert."), "reason")
    with transaction.atomic():
        row = locked(desk, file)
        if not row.is_closed:
            raise Refused(_("Ce dossier est déjà ouvert."), "already_open")
        referent = referent or row.referent
        if new_episode:
            return _open(
                desk, row.organization, patient=row.patient, level=level or row.level, referent=referent,
                entry_reason=entry_reason or row.entry_reason, entry_text=reason, team=row.team, informed_on=informed_on,
                kind=EventKind.REOPENED, wish=row.wish, carried=_administrative(row),
            )  # fmt: skip
        _person(row.patient)
        others = _episodes(row.patient, row.organization)
        if others.living().exists():
            raise _already_open()
        if others.filter(opened_at__gt=row.opened_at).exists():
            raise Refused(_("Un épisode plus récent existe : rouvrez celui-là, ou ouvrez-en un nouveau."), "not_last")
        of_structure(desk.organization, referent)
        at = circle_for(desk, row.patient)
        inform(at, informed_on, "person", "oral")
        join(at, referent)
        said = {"reason": reason.strip()[:400], "closed_at": row.closed_at.isoformat(), "exit_reason": row.exit_reason}
        # Who left meanwhile, or is the referent now, is no longer beside her.
        beside = PracticeRole.objects.filter(co_referent_of__file=row, co_referent_of__ended_at=None)
        if gone := [role for role in beside if role.ended_at or role.pk == referent.pk]:
            end_co_referents(desk, row, *gone)
        row.state, row.closed_at, row.exit_reason, row.exit_text = FileState.OPEN, None, "", ""
        row.referent, row.level = referent, level or row.level
        row.save(update_fields=["state", "closed_at", "exit_reason", "exit_text", "referent", "level"])
        event(desk, row, EventKind.REOPENED, said | {"level": row.level, "referent": str(referent.pk)})
        record(desk, "coordination.file_reopened", on=row, circle_id=row.patient_id)
        tell(row)
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
        row = living(desk, file)
        carried = _administrative(row)
        _close(desk, row, ExitReason.TRANSFER, text, kind=EventKind.TRANSFERRED_OUT, to=str(to.pk))
        made = _open(
            desk, to, patient=row.patient, level=row.level, referent=referent, entry_reason="transfer", entry_text=text,
            informed_on=informed_on, synthesis=row.synthesis, wish=row.wish, transferred_from=row, kind=EventKind.TRANSFERRED_IN,
            carried=carried,
        )  # fmt: skip
        if leave_circle:
            leave(desk, row)
    return made


# --- What the file says -------------------------------------------------------------------------------------------------


def write_synthesis(
    desk: Desk, *, file: CoordinationFile, synthesis: str, wish: str, based_on: datetime | None = UNSEEN, review_on: date | None = None
) -> CoordinationFile:  # fmt: skip
    """« Où en est-on ? » and what the person wishes; what it said before stays in the events.

    `based_on`: the `synthesis_at` one had in front of her. Raises Refused("conflict") when it was rewritten in between.
    """
    with transaction.atomic():
        row = living(desk, file)
        if based_on is not UNSEEN and based_on != row.synthesis_at:
            raise Refused(
                _(
                    "%(who)s a récrit la synthèse pendant que vous écriviez. Votre texte est gardé : relisez, puis enregistrez."
                )
                % {"who": row.synthesis_by},
                "conflict",
            )
        row.synthesis, row.wish = clean(synthesis, empty=True), clean(wish, empty=True)
        row.synthesis_at, row.synthesis_by, row.review_on = timezone.now(), desk.actor_name, review_on
        row.save(update_fields=["synthesis", "wish", "synthesis_at", "synthesis_by", "review_on"])
        said = {"synthesis": row.synthesis, "wish": row.wish, "review_on": review_on and str(review_on)}
        event(desk, row, EventKind.SYNTHESIS, said)
        forget_draft(desk, row, "synthesis")
        record(desk, "coordination.synthesis_changed", on=row, circle_id=row.patient_id)
        tell(row)
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
        changes["people_note"] = clean(changes["people_note"], empty=True)
    with transaction.atomic():
        row = living(desk, file)
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
        event(desk, row, EventKind.ADMINISTRATIVE, {"version": row.version, "changed": changed})
        forget_draft(desk, row, "administrative")
        record(
            desk, "coordination.administrative_changed", on=row, circle_id=row.patient_id,
            details={"version": row.version, "changed": changed},
        )  # fmt: skip
        tell(row)
    return row


# --- What the structure keeps to itself ---------------------------------------------------------------------------------


def add_private_note(
    desk: Desk, *, file: CoordinationFile, text: str, ref: UUID | None = None
) -> PrivateNote:  # fmt: skip
    """Read by the structure's desk only; outlives episodes and circle, so a closed file takes them too.

    `ref`: the sender's name for it; the same words sent again give back the note already kept.
    """
    text = clean(text)
    with transaction.atomic():
        row, made = locked(desk, file), uuid7()
        kept = PrivateNote.objects.filter(pk=once(desk, row.pk, ref, "private_note", made), text=text).first()
        if kept is not None:
            return kept
        note = _private(desk, row.patient_id, text, id=made)
        forget_draft(desk, row, "private")
        # No circle on this trace: the circle's log must not tell that such a note exists.
        record(apart(desk), "coordination.private_note_added", on=note)
        tell(row)
    return note


def correct_private_note(desk: Desk, *, note: PrivateNote, text: str) -> PrivateNote:
    text = clean(text)
    with transaction.atomic():
        row = _own_private(desk, note)
        made = _private(desk, row.patient_id, text)
        row.replaced_by = made
        row.save(update_fields=["replaced_by"])
        record(apart(desk), "coordination.private_note_corrected", on=made)
    return made


def withdraw_private_note(desk: Desk, *, note: PrivateNote) -> None:
    with transaction.atomic():
        row = _own_private(desk, note)
        row.withdrawn_at = timezone.now()
        row.save(update_fields=["withdrawn_at"])
        record(apart(desk), "coordination.private_note_withdrawn", on=row)


def _private(desk: Desk, patient_id, text: str, **more) -> PrivateNote:
    return PrivateNote.objects.create(
        organization=desk.organization, patient_id=patient_id, text=text, author_user_id=desk.user_id,
        author_role_id=desk.practice_role_id, author_name=desk.actor_name, **more,
    )  # fmt: skip


def _own_private(desk: Desk, note: PrivateNote) -> PrivateNote:
    row = PrivateNote.objects.select_for_update(of=("self",)).get(pk=note.pk, organization=desk.organization)
    if row.author_user_id != desk.user_id:
        raise Refused(_("Seul l’auteur d’une note peut la corriger ou la retirer."), "not_author")
    if row.replaced_by_id or row.withdrawn_at:
        raise Refused(_("Cette note a déjà été corrigée ou retirée."), "done")
    return row


def apart(desk: Desk) -> Desk:
    """The same person, in no circle: what the structure keeps to itself leaves no trace in the person's log."""
    return replace(desk, circle_id=None)


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


# --- The small steps ---------------------------------------------------------------------------------------------------


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
