"""Coordinates, numbers, people around the patient, her doctor, her death."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.patients import duplicates, ins
from cercle.people.patients.actions.rows import decided, locked
from cercle.people.patients.models import Contact, Coordinates, Patient, PatientIdentifier, TreatingDoctor
from cercle.people.patients.relationships import PROTECTION, Relationship

COORDINATES = (
    *("address", "address_extra", "postal_code", "commune_code", "commune_label", "country_code"),
    *("phone", "phone_other", "email"),
)
ROLES = ("is_emergency", "is_trusted", "is_legal_rep", "is_carer", "lives_with")


# --- Coordinates -----------------------------------------------------------------------------------------------------
def checked_coordinates(values: Mapping[str, str]) -> dict[str, str]:
    """Known fields, tidied. Raises Refused (phone_unreadable, email_unreadable)."""
    kept = {}
    for name in COORDINATES:
        longest = Coordinates._meta.get_field(name).max_length
        kept[name] = " ".join((values.get(name) or "").split())[:longest]
    kept["phone"], kept["phone_other"] = checked_phone(kept["phone"]), checked_phone(kept["phone_other"])
    kept["email"] = checked_email(kept["email"])
    return kept


def checked_phone(text: str) -> str:
    """« +33 2 98 00 00 00 » is 0298000000; a foreign number keeps its +. Raises Refused("phone_unreadable")."""
    digits = re.sub(r"[\s.\-()/]", "", text or "")
    digits = re.sub(r"^(?:\+|00)33(?:0?)(?=[1-9]\d{8}$)", "0", digits)
    digits = re.sub(r"^00(?=[1-9])", "+", digits)
    if digits and not re.fullmatch(r"\+?\d{3,15}", digits, re.ASCII):
        raise Refused(_("Ce numéro de téléphone ne se lit pas. Écrivez-le en chiffres."), "phone_unreadable")
    return digits


def checked_email(text: str) -> str:
    text = (text or "").strip()
    if text:
        try:
            validate_email(text)
        except ValidationError:
            raise Refused(_("Cette adresse électronique n’est pas complète."), "email_unreadable") from None
    return text[:254]


def change_coordinates(acting: ActingLike, *, patient: Patient, reason: str = "", **values: str) -> Coordinates | None:
    """Replace the coordinates as a whole; the former ones stay as a dated row. None when nothing changes."""
    values = checked_coordinates(values)
    with transaction.atomic():
        patient = locked(acting, patient)
        current = Coordinates.objects.current().filter(patient=patient).first()
        before = {name: getattr(current, name) for name in COORDINATES} if current else dict.fromkeys(COORDINATES, "")
        if before == values:
            return None
        if current:
            Coordinates.objects.filter(pk=current.pk).update(superseded_at=timezone.now())
        row = Coordinates(patient=patient, **values, **decided(acting, reason))
        row.save(force_insert=True)
        duplicates.refresh_keys(patient.pk)
        changed = sorted(name for name in COORDINATES if before[name] != values[name])
        record(acting, "patients.coordinates_changed", on=row, circle_id=patient.pk, details={"fields": changed})
        return row


# --- Identifiers -----------------------------------------------------------------------------------------------------
def insert_identifier(patient: Patient, *, kind: str, system: str, value: str, source: str) -> PatientIdentifier:
    """The row alone; within a verb. An INS is refused here: it belongs to the identity and to its status."""
    value, system = " ".join((value or "").split()), (system or "").strip().removeprefix("urn:oid:")
    if kind == PatientIdentifier.Kind.NSS:
        matricule = ins.parse(value)
        value, system = matricule.value, ins.NSS_NIA if matricule.kind == "NIA" else ins.NSS_NIR
    if system in ins.INS_OIDS:
        raise Refused(
            _("Le matricule INS se récupère par le téléservice INSi, il ne se saisit pas ici."), "ins_not_here"
        )
    if kind == PatientIdentifier.Kind.INSC:
        system = ins.INS_C
    if not value or not system or len(value) > 100 or len(system) > 200:
        raise Refused(_("Indiquez le numéro et l’organisme qui l’a donné."), "identifier_incomplete")
    try:
        with transaction.atomic():
            row = PatientIdentifier(patient=patient, kind=kind, system=system, value=value, source=source or "web")
            row.save(force_insert=True)
            return row
    except IntegrityError:
        # Whether this file or another one holds it is not said: a number must not be a way to probe.
        raise Refused(_("Ce numéro est déjà attribué."), "identifier_held") from None


def add_identifier(
    acting: ActingLike, *, patient: Patient, kind: str, value: str, system: str = "", source: str = ""
) -> PatientIdentifier:
    with transaction.atomic():
        patient = locked(acting, patient)
        row = insert_identifier(patient, kind=kind, system=system, value=value, source=source or acting.source)
        if kind == PatientIdentifier.Kind.NSS:
            duplicates.refresh_keys(patient.pk)
        record(acting, "patients.identifier_added", on=row, circle_id=patient.pk, details={"kind": kind})
        return row


def end_identifier(acting: ActingLike, *, identifier: PatientIdentifier, reason: str = "") -> None:
    with transaction.atomic():
        patient = locked(acting, identifier.patient_id)
        if not PatientIdentifier.objects.current().filter(pk=identifier.pk).update(until=timezone.now()):
            return
        record(acting, "patients.identifier_ended", on=identifier, circle_id=patient.pk, reason=reason)


# --- People around ---------------------------------------------------------------------------------------------------
def _checked_contact(values: Mapping) -> dict:
    kept: dict[str, Any] = {name: bool(values.get(name)) for name in ROLES}
    for name in ("family", "given", "phone", "phone_other", "email", "address", "note", "relationship"):
        kept[name] = " ".join((values.get(name) or "").split())[: Contact._meta.get_field(name).max_length]
    if not kept["family"]:
        raise Refused(_("Indiquez le nom de cette personne."), "name_missing")
    if kept["relationship"] and kept["relationship"] not in Relationship.values:
        raise Refused(_("Ce lien avec la personne n’est pas dans la liste."), "relationship_unknown")
    if kept["relationship"] in PROTECTION:
        kept["is_legal_rep"] = True
    kept["phone"], kept["phone_other"] = checked_phone(kept["phone"]), checked_phone(kept["phone_other"])
    kept["email"] = checked_email(kept["email"])
    return kept


def add_contact(
    acting: ActingLike, *, patient: Patient, replace_trusted: bool = False, reason: str = "", **values
) -> Contact:
    """`values`: columns of Contact. A second personne de confiance is refused unless `replace_trusted`."""
    values = _checked_contact(values)
    with transaction.atomic():
        patient = locked(acting, patient)
        if values["is_trusted"]:
            _make_room_for_trusted(acting, patient, replace_trusted)
        contact = Contact(patient=patient, **values, **decided(acting, reason))
        contact.save(force_insert=True)
        record(acting, "patients.contact_added", on=contact, circle_id=patient.pk, details=_roles_of(contact))
        return contact


def change_contact(
    acting: ActingLike, *, contact: Contact, replace_trusted: bool = False, reason: str = "", **values
) -> Contact:
    """A new row that replaces the former one; what is not named keeps its value."""
    with transaction.atomic():
        patient = locked(acting, contact.patient_id)
        contact = Contact.objects.current().get(pk=contact.pk)
        names = ("family", "given", "relationship", "phone", "phone_other", "email", "address", "note", *ROLES)
        values = _checked_contact({name: getattr(contact, name) for name in names} | values)
        if values["is_trusted"] and not contact.is_trusted:
            _make_room_for_trusted(acting, patient, replace_trusted)
        Contact.objects.filter(pk=contact.pk).update(until=timezone.now())
        changed = Contact(patient=patient, replaces=contact, **values, **decided(acting, reason))
        changed.save(force_insert=True)
        record(acting, "patients.contact_changed", on=changed, circle_id=patient.pk, details=_roles_of(changed))
        return changed


def end_contact(acting: ActingLike, *, contact: Contact, reason: str = "") -> None:
    with transaction.atomic():
        patient = locked(acting, contact.patient_id)
        if Contact.objects.current().filter(pk=contact.pk).update(until=timezone.now()):
            record(acting, "patients.contact_ended", on=contact, circle_id=patient.pk, reason=reason)


def _roles_of(contact: Contact) -> dict:
    return {"roles": [name for name in ROLES if getattr(contact, name)]}


def _make_room_for_trusted(acting: ActingLike, patient: Patient, replace: bool) -> None:
    former = Contact.objects.current().of(patient.pk).filter(is_trusted=True).first()
    if former is None:
        return
    if not replace:
        raise Refused(
            _("Une personne de confiance est déjà désignée : il n’y en a qu’une à la fois. Confirmez le remplacement."),
            "trusted_exists",
        )
    change_contact(acting, contact=former, is_trusted=False)


def declare_treating_doctor(
    acting: ActingLike,
    *,
    patient: Patient,
    practice_role=None,
    external_name: str = "",
    external_place: str = "",
    external_phone: str = "",
    is_none: bool = False,
    since: date | None = None,
    reason: str = "",
) -> TreatingDoctor:
    """One of the directory, one outside it, or none; the former declaration ends and stays."""
    external_name = " ".join(external_name.split())[:200]
    if sum((practice_role is not None, bool(external_name), is_none)) != 1:
        raise Refused(
            _("Choisissez le médecin traitant, écrivez son nom, ou indiquez qu’il n’y en a pas."), "doctor_missing"
        )
    with transaction.atomic():
        patient = locked(acting, patient)
        TreatingDoctor.objects.current().of(patient.pk).update(until=timezone.now())
        doctor = TreatingDoctor(
            patient=patient,
            practice_role=practice_role,
            external_name=external_name,
            external_place=external_place[:200] if external_name else "",
            external_phone=checked_phone(external_phone) if external_name else "",
            is_none=is_none,
            since=since,
            **decided(acting, reason),
        )
        doctor.save(force_insert=True)
        record(acting, "patients.treating_doctor_declared", on=doctor, circle_id=patient.pk)
        return doctor


# --- Life of the file ------------------------------------------------------------------------------------------------
def record_death(acting: ActingLike, *, patient: Patient, on: str, reason: str = "") -> Patient:
    """`on`: a date, or the month or year alone when the day is not known."""
    died = dates.parse(on)
    with transaction.atomic():
        patient = locked(acting, patient)
        if died.latest < patient.identity.birth_earliest:
            raise Refused(_("Le décès serait avant la naissance. Vérifiez la date."), "death_before_birth")
        patient.deceased, patient.deceased_earliest, patient.deceased_latest = died.text, died.earliest, died.latest
        patient.save(update_fields=["deceased", "deceased_earliest", "deceased_latest"])
        record(acting, "patients.death_recorded", on=patient, circle_id=patient.pk, reason=reason)
        return patient


def cancel_death(acting: ActingLike, *, patient: Patient, reason: str) -> Patient:
    if not reason.strip():
        raise Refused(_("Indiquez le motif."), "reason_missing")
    with transaction.atomic():
        patient = locked(acting, patient)
        patient.deceased, patient.deceased_earliest, patient.deceased_latest = "", None, None
        patient.save(update_fields=["deceased", "deceased_earliest", "deceased_latest"])
        record(acting, "patients.death_cancelled", on=patient, circle_id=patient.pk, reason=reason)
        return patient


def keep_in_touch(patient_id) -> None:
    """Move the retention clock, at most once a day: a write is a contact. No trace: the write has its own."""
    now = timezone.now()
    Patient.objects.filter(pk=patient_id, last_contact_at__lt=now - timedelta(days=1)).update(last_contact_at=now)
