"""A patient named by another system: found, or created, never guessed. For every door (FHIR, HL7 v2, imports)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.people.patients import duplicates, ins
from cercle.people.patients.actions.around import insert_identifier
from cercle.people.patients.actions.identity import create_patient
from cercle.people.patients.actions.rows import holder, lock_ins, locked, supersede
from cercle.people.patients.models import Identity, Patient, PatientIdentifier
from cercle.people.patients.status import RECUP
from cercle.people.patients.traits import CivilTraits, agree


class Found(StrEnum):
    BY_INS = "by_ins"
    BY_IDENTIFIER = "by_identifier"
    CREATED = "created"
    CREATED_APART = "created_apart"  # the INS or the number is held by someone else: filed as a potential duplicate


@dataclass(frozen=True, slots=True)
class Received:
    patient: Patient
    found: Found
    warnings: list[str] = field(default_factory=list)  # sentences for the report of the door; no personal data


def receive_patient(
    acting: ActingLike,
    *,
    traits: CivilTraits,
    ins_value: str = "",
    ins_oid: str = "",
    identifiers: Iterable[tuple[str, str, str]] = (),
    coordinates: Mapping[str, str] | None = None,
    sender_qualified: bool = False,
    is_test: bool = False,
    source: str = "",
    known: Patient | None = None,
    within: Callable[[Patient], bool] | None = None,
) -> Received:
    """The patient that this message is about.

    By INS first, then by local identifier, and only when the traits agree; else a new provisional patient. An INS whose
    sender qualified it makes a *recovered* identity here: no document was seen by us. A wrong matricule is left in the
    received payload, with a warning. Traits we hold are not overwritten: the door may then call `update_identity`. `known`:
    the file that this sender already named by the same reference; like a local identifier, only when the traits agree.
    `within`: the files that this sender may reach. Another one is never given nor told of: a new file is made apart and the
    pair goes to the identity queue.
    """
    warnings: list[str] = []
    identifiers = list(identifiers)
    matricule, oid = _readable(ins_value, ins_oid, traits, warnings)
    with transaction.atomic():
        held_by = None
        if matricule:
            lock_ins(matricule.value, oid)
            held_by = holder(matricule.value, oid)
            if held_by and agree(CivilTraits.of(held_by), traits) and (within is None or within(held_by.patient)):
                patient = _canonical(held_by.patient)
                _attach(acting, patient, identifiers, source, warnings)
                return Received(patient, Found.BY_INS, warnings)
        by_number = _by_identifier(identifiers) or (known and _canonical(known))
        if by_number and agree(CivilTraits.of(by_number.identity), traits) and (within is None or within(by_number)):
            _attach(acting, by_number, identifiers, source, warnings)
            if held_by:
                duplicates.file_claim(by_number.pk, held_by.patient.canonical_id, level="review")
                warnings.append(_("L’INS reçu est celui d’une autre fiche : à examiner par l’identitovigilance."))
            return Received(by_number, Found.BY_IDENTIFIER, warnings)

        free = [i for i in identifiers if not (by_number and _held(i))]
        patient = create_patient(
            acting,
            traits=traits,
            coordinates=coordinates,
            identifiers=free,
            method=Identity.Method.FLUX,
            is_test=is_test or oid in ins.TEST_OIDS,
            source=source,
        ).patient
        if held_by or by_number:
            for other in filter(None, (held_by and held_by.patient, by_number)):
                duplicates.file_claim(patient.pk, other.canonical_id, level="review")
            if within is not None:
                return Received(patient, Found.CREATED_APART, warnings)
            warnings.append(
                _(
                    "Un numéro reçu est celui d’une autre fiche dont les traits diffèrent : "
                    "à examiner par l’identitovigilance."
                )
            )
            return Received(patient, Found.CREATED_APART, warnings)
        if matricule and sender_qualified:
            patient = locked(acting, patient)
            identity = supersede(
                acting, patient, status=RECUP, ins_value=matricule.value, ins_oid=oid, method=Identity.Method.FLUX
            )
            record(acting, "patients.ins_received", on=identity, circle_id=patient.pk, details={"to": RECUP})
        elif matricule:
            warnings.append(_("L’INS reçu n’est pas celui d’une identité qualifiée : il n’a pas été repris."))
        return Received(patient, Found.CREATED, warnings)


def _readable(value: str, oid: str, traits: CivilTraits, warnings: list[str]) -> tuple[ins.Matricule | None, str]:
    if not value:
        return None, ""
    try:
        matricule = ins.parse(value)
        oid = ins.check_domain(matricule, oid)
    except Refused as refusal:
        warnings.append(str(refusal.message))
        return None, ""
    found = ins.discords(matricule, sex=traits.sex, birth=traits.birth, birth_place_code=traits.birth_place_code)
    warnings.extend(d.message for d in found)
    return matricule, oid


def _canonical(patient: Patient) -> Patient:
    return patient if not patient.merged_into_id else Patient.objects.with_identity().get(pk=patient.merged_into_id)


def _by_identifier(identifiers) -> Patient | None:
    """Its holder. A social-security number may be a parent's: it finds nobody."""
    for kind, system, value in identifiers:
        if kind == PatientIdentifier.Kind.NSS:
            continue
        row = (
            PatientIdentifier.objects.current()
            .filter(value=value.strip(), system=system.removeprefix("urn:oid:"))
            .select_related("patient__identity")
            .first()
        )
        if row:
            return _canonical(row.patient)
    return None


def _held(identifier) -> bool:
    return _by_identifier([identifier]) is not None


def _attach(acting: ActingLike, patient: Patient, identifiers, source: str, warnings: list[str]) -> None:
    """The sender's own numbers, on the file they were recognised to speak of."""
    known = set(
        PatientIdentifier.objects.current()
        .filter(patient__in=[patient.pk, *patient.aliases.values_list("pk", flat=True)])
        .values_list("system", "value")
    )
    for kind, system, value in identifiers:
        if (system.removeprefix("urn:oid:"), value) in known:
            continue
        try:
            row = insert_identifier(patient, kind=kind, system=system, value=value, source=source or acting.source)
        except Refused as refusal:
            warnings.append(str(refusal.message))
            continue
        record(acting, "patients.identifier_added", on=row, circle_id=patient.pk, details={"kind": kind})
