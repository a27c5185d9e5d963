"""Creating a patient, and everything that changes her identity: traits, status, INS, markers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.people.patients import duplicates, ins, status
from cercle.people.patients.actions.around import checked_coordinates, insert_identifier
from cercle.people.patients.actions.rows import decided, holder, lock_ins, locked, supersede
from cercle.people.patients.insi import Answer
from cercle.people.patients.models import Coordinates, Identity, Patient
from cercle.people.patients.status import CHECKED, WITH_INS, Needs, Origin
from cercle.people.patients.traits import CivilTraits, agree

PROV, RECUP, VALI, QUAL = status.PROV, status.RECUP, status.VALI, status.QUAL


@dataclass(frozen=True, slots=True)
class Created:
    """`resembling` is for counting and for the identity queue: never show a name or an id of it to whoever created."""

    patient: Patient
    resembling: list[duplicates.Candidate]


class InsOutcome(StrEnum):
    HELD = "held"  # another file holds this INS: a potential duplicate was filed, the patient stays without it
    ATTACHED = "attached"
    VERIFIED = "verified"  # already there, checked again


def create_patient(
    acting: ActingLike,
    *,
    traits: CivilTraits,
    coordinates: Mapping[str, str] | None = None,
    identifiers: Iterable[tuple[str, str, str]] = (),
    method: str = Identity.Method.SM,
    is_test: bool = False,
    source: str = "",
) -> Created:
    """A new patient, provisional. Files that look like hers become potential duplicates, in the same transaction.

    `identifiers`: (kind, system, value). `is_test`: the only patients that may carry a test or demo INS.
    """
    with transaction.atomic():
        patient = _insert(acting, traits, method=method, is_test=is_test, source=source)
        coordinates = checked_coordinates(coordinates or {})
        if any(coordinates.values()):
            Coordinates(patient=patient, **coordinates, **decided(acting)).save(force_insert=True)
        for kind, system, value in identifiers:
            insert_identifier(patient, kind=kind, system=system, value=value, source=source or acting.source)
        compared = duplicates.traits_of(traits, coordinates)
        found = duplicates.resembling(compared, but=patient.pk)
        duplicates.file_all(patient.pk, found, origin="creation")
        duplicates.insert_keys(patient.pk, compared)
        record(
            acting,
            "patients.patient_created",
            on=patient,
            circle_id=patient.pk,
            details={"method": method, "resembling": len(found)},
        )
        return Created(patient, found)


def _insert(acting: ActingLike, traits: CivilTraits, *, method: str, is_test: bool, source: str) -> Patient:
    # Both keys are made here, so that the two rows point at each other without a third statement.
    patient = Patient(id=uuid7(), identity_id=uuid7(), source=source or acting.source or "web", is_test=is_test)
    patient.save(force_insert=True)
    identity = Identity(id=patient.identity_id, patient=patient, **traits.columns(), method=method, **decided(acting))
    identity.save(force_insert=True)
    patient.identity = identity
    return patient


def update_identity(
    acting: ActingLike,
    *,
    patient: Patient,
    traits: CivilTraits,
    origin: Origin = Origin.MANUAL,
    document: str = "",
    reason: str = "",
    accept_lower: bool = False,
) -> Identity:
    """Change traits; the former ones stay as a dated row.

    A source weaker than the status may not touch strict traits: Refused("lesser_source"), unless `accept_lower`, which
    lets the status fall to what the source can carry (and drops the INS with it). DOCUMENT asks for `document`.
    """
    with transaction.atomic():
        patient = locked(acting, patient)
        current = patient.identity
        changed = CivilTraits.of(current).strict_changes(traits)
        columns = traits.columns()
        if all(getattr(current, name) == value for name, value in columns.items()):
            return current
        if origin == Origin.DOCUMENT and document not in Identity.Document.values:
            raise Refused(_("Indiquez la pièce d’identité consultée."), "document_missing")
        if changed and not status.may_rewrite(origin, current.status):
            if not accept_lower:
                raise Refused(
                    _(
                        "Cette identité a été contrôlée. La modifier ainsi lui ferait perdre son statut : confirmez, "
                        "ou présentez une pièce d’identité ou une réponse du téléservice INSi."
                    ),
                    "lesser_source",
                )
            _reason_given(reason)
            columns |= _at_status(current, status.after_rewrite(origin, current.status))
        if changed and columns.get("status", current.status) in CHECKED and document:
            columns["document"] = document
        identity = supersede(acting, patient, reason=reason, **columns)
        record(
            acting,
            "patients.traits_changed",
            on=identity,
            circle_id=patient.pk,
            details={"strict": changed, "origin": origin, "from": current.status, "to": identity.status},
            reason=reason,
        )
        return identity


def validate_identity(acting: ActingLike, *, patient: Patient, document: str, reason: str = "") -> Identity:
    """An identity document was seen: provisional becomes validated, recovered becomes qualified."""
    with transaction.atomic():
        patient = locked(acting, patient)
        current = patient.identity
        target = QUAL if current.status == RECUP else VALI
        _move(current, target, Needs.DOCUMENT)
        if document not in Identity.Document.values:
            raise Refused(_("Indiquez la pièce d’identité consultée."), "document_missing")
        if target == QUAL:
            _qualifying(document)
        identity = supersede(acting, patient, reason=reason, status=target, document=document)
        _record_move(acting, "patients.identity_validated", patient, current, identity, document=document)
        return identity


def recover_ins(acting: ActingLike, *, patient: Patient, answer: Answer, reason: str = "") -> InsOutcome:
    """Take INSi's answer: provisional becomes recovered with its traits, validated becomes qualified if they agree.

    Call `insi.service()` first, outside any transaction. When another file holds the INS, nothing changes here but a
    potential duplicate is filed for the identity queue; the screen says no more than that the demand was passed on.
    """
    if not answer.found:
        raise Refused(
            _("Le téléservice INSi trouve plusieurs personnes. Précisez le lieu de naissance.")
            if answer.code == "02"
            else _("Le téléservice INSi ne trouve personne avec ces traits. Vérifiez-les sur une pièce d’identité."),
            "insi_several" if answer.code == "02" else "insi_none",
        )
    matricule = ins.parse(answer.ins_value)
    oid = ins.check_domain(matricule, answer.ins_oid)
    with transaction.atomic():
        lock_ins(matricule.value, oid)
        patient = locked(acting, patient)
        current = patient.identity
        _domain_fits(patient, oid)
        held_by = holder(matricule.value, oid)
        if held_by and held_by.patient_id != patient.pk:
            same = agree(CivilTraits.of(held_by), answer.traits)
            duplicates.file_claim(patient.pk, held_by.patient.canonical_id, level="auto" if same else "review")
            record(acting, "patients.ins_claimed", on=patient, circle_id=patient.pk, reason=reason)
            return InsOutcome.HELD
        differing = CivilTraits.of(current).strict_changes(answer.traits)
        if current.status in WITH_INS:
            if differing or current.ins_value != matricule.value:
                raise Refused(
                    _(
                        "La réponse du téléservice INSi ne correspond plus à cette identité. "
                        "Retirez l’INS, puis récupérez-le."
                    ),
                    "insi_differs",
                )
            identity = supersede(acting, patient, reason=reason, verified_at=timezone.now())
            _record_move(acting, "patients.ins_verified", patient, current, identity)
            return InsOutcome.VERIFIED
        target = QUAL if current.status == VALI else RECUP
        _move(current, target, Needs.INSI)
        columns = answer.traits.columns()
        if target == QUAL:
            _qualifying(current.document)
            if differing:
                raise Refused(
                    _(
                        "Les traits de la pièce d’identité et ceux du téléservice INSi diffèrent. "
                        "Corrigez l’un ou l’autre."
                    ),
                    "insi_differs",
                )
        for name in ("used_family", "used_given"):
            columns[name] = getattr(current, name)
        columns["birth_place_label"] = columns["birth_place_label"] or current.birth_place_label
        identity = supersede(
            acting,
            patient,
            reason=reason,
            **columns,
            status=target,
            ins_value=matricule.value,
            ins_oid=oid,
            method=Identity.Method.INSI,
            verified_at=timezone.now(),
        )
        _record_move(acting, "patients.ins_recovered", patient, current, identity)
        return InsOutcome.ATTACHED


def take_ins(
    acting: ActingLike, *, patient: Patient, ins_value: str, ins_oid: str, traits: CivilTraits, reason: str = ""
) -> InsOutcome:
    """A feed that qualified this identity gives its INS: provisional becomes recovered, validated becomes qualified.

    `traits`: those it goes with; they must be ours already. Refused: ins_differs (ours carries another one), insi_differs,
    marked, document_not_qualifying, ins_test_domain, or what makes the number unreadable.
    """
    matricule = ins.parse(ins_value)
    oid = ins.check_domain(matricule, ins_oid)
    with transaction.atomic():
        lock_ins(matricule.value, oid)
        patient = locked(acting, patient)
        current = patient.identity
        _domain_fits(patient, oid)
        if (current.ins_value, current.ins_oid) == (matricule.value, oid):
            return InsOutcome.VERIFIED
        held_by = holder(matricule.value, oid)
        if held_by:
            same = agree(CivilTraits.of(held_by), traits)
            duplicates.file_claim(patient.pk, held_by.patient.canonical_id, level="auto" if same else "review")
            record(acting, "patients.ins_claimed", on=patient, circle_id=patient.pk, reason=reason)
            return InsOutcome.HELD
        if current.status in WITH_INS:
            raise Refused(_("Cette identité porte déjà un autre INS."), "ins_differs")
        if CivilTraits.of(current).strict_changes(traits):
            raise Refused(_("Les traits reçus avec l’INS ne sont pas ceux de la fiche."), "insi_differs")
        target = QUAL if current.status == VALI else RECUP
        _move(current, target, Needs.INSI)
        if target == QUAL:
            _qualifying(current.document)
        identity = supersede(
            acting,
            patient,
            reason=reason,
            status=target,
            ins_value=matricule.value,
            ins_oid=oid,
            method=Identity.Method.FLUX,
        )
        _record_move(acting, "patients.ins_received", patient, current, identity)
        return InsOutcome.ATTACHED


def lower_status(acting: ActingLike, *, patient: Patient, to: str, reason: str) -> Identity:
    """Take trust back: the INS, the check on a document, or both."""
    with transaction.atomic():
        patient = locked(acting, patient)
        current = patient.identity
        _move(current, to, Needs.REASON)
        _reason_given(reason)
        identity = supersede(acting, patient, reason=reason, **_at_status(current, to))
        _record_move(acting, "patients.status_lowered", patient, current, identity)
        return identity


def mark(acting: ActingLike, *, patient: Patient, marker: str, on: bool = True, reason: str) -> Identity:
    """Set or take off « doubtful », « fictive » or « homonym »; the status falls to what it leaves (status.CEILING)."""
    if marker not in status.CEILING:
        raise ValueError(marker)
    with transaction.atomic():
        patient = locked(acting, patient)
        current = patient.identity
        if getattr(current, f"is_{marker}") == on:
            return current
        _reason_given(reason)
        allowed = status.allowed_with({*current.markers, marker} if on else {*current.markers} - {marker})
        columns = {f"is_{marker}": on}
        if current.status not in allowed:
            columns |= _at_status(current, PROV)
        identity = supersede(acting, patient, reason=reason, **columns)
        action = "patients.marker_set" if on else "patients.marker_removed"
        _record_move(acting, action, patient, current, identity, marker=marker)
        return identity


# --- Rules shared by the verbs ---------------------------------------------------------------------------------------
def _move(current: Identity, target: str, needs: Needs) -> None:
    move = status.move(current.status, target)
    if move is None or move.needs != needs:
        raise Refused(
            _("Une identité au statut « %(status)s » ne peut pas faire ce pas.")
            % {"status": current.get_status_display()},
            "move_not_allowed",
        )
    if target not in status.allowed_with(current.markers):
        raise Refused(
            _("Cette identité est marquée douteuse, fictive ou homonyme : levez d’abord ce signalement."), "marked"
        )


def _at_status(current: Identity, target: str) -> dict:
    """Columns of an identity that falls to `target`: without it what that status does not carry."""
    columns = {"status": target}
    if target not in WITH_INS:
        columns |= {"ins_value": "", "ins_oid": "", "verified_at": None}
    if target not in CHECKED:
        columns |= {"document": ""}
    return columns


def _qualifying(document: str) -> None:
    if document not in status.QUALIFYING_DOCUMENTS:
        raise Refused(
            _(
                "Cette pièce valide une identité mais ne suffit pas à la qualifier : il faut un passeport, une carte "
                "nationale d’identité, un acte de naissance ou un livret de famille."
            ),
            "document_not_qualifying",
        )


def _domain_fits(patient: Patient, oid: str) -> None:
    if (oid in ins.TEST_OIDS) and not patient.is_test:
        raise Refused(_("Un INS de test ou de démonstration ne se met que sur une fiche de test."), "ins_test_domain")


def _reason_given(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("Indiquez le motif."), "reason_missing")


def _record_move(
    acting: ActingLike, action: str, patient: Patient, before: Identity, after: Identity, **details
) -> None:
    record(
        acting,
        action,
        on=after,
        circle_id=patient.pk,
        details={"from": before.status, "to": after.status, **details},
        reason=after.reason,
    )


__all__ = [
    "Created",
    "InsOutcome",
    "create_patient",
    "lower_status",
    "mark",
    "recover_ins",
    "take_ins",
    "update_identity",
    "validate_identity",
]
