"""ITI-30: A28, A31, A40, A47 (and A08, A24, A37 for senders set so). RNIV rules the rest: see people/patients/status.py."""

from dataclasses import replace

from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.people.circles import actions as circles
from cercle.people.patients import actions as patients
from cercle.people.patients import duplicates
from cercle.people.patients.actions.around import checked_email, checked_phone
from cercle.people.patients.models import (
    Contact,
    Coordinates,
    Identity,
    Patient,
    PatientIdentifier,
    PotentialDuplicate,
    TreatingDoctor,
)
from cercle.people.patients.status import CHECKED, PROV, WITH_INS, Origin
from cercle.people.patients.traits import CivilTraits, agree

from ..acknowledge import Rejection
from ..models import Told
from ..reading import SOURCE, Reading
from ..segments import evn, mrg, nk1, rol, zfa, zfd
from ..segments.shapes import Identifier

KINDS = {"NSS": PatientIdentifier.Kind.NSS, "INSC": PatientIdentifier.Kind.INSC}


class Discord(Rejection):
    """The number is ours to recognise, the person is not the one we know: somebody must look.

    `pair`: two files for the identity queue, which outlive the refusal.
    """

    def __init__(self, *args, pair: tuple | None = None, **more):
        super().__init__(*args, **more)
        self.pair = pair


# --- Events ----------------------------------------------------------------------------------------------------------
def create(reading: Reading) -> None:
    """A28. A number we know already is an update: some senders know no other word."""
    _keep(reading, identify(reading, may_change=True))


def update(reading: Reading) -> None:
    """A31 (A08). Unknown here, it makes the file: the A28 may be lost or late."""
    _keep(reading, identify(reading, may_change=True))


def merge(reading: Reading) -> None:
    """A40: MRG-1 dies, PID-3 survives. A recorded decision, undone by hand if it must be."""
    former = mrg.former(reading.message)
    if not former:
        raise Rejection(101, _("MRG-1 (numéro qui disparaît) est obligatoire."), "MRG^1^1")
    survivor = identify(reading)
    reading.patient = survivor
    for number in (n for n in former if not n.meaning):
        merged = _by_numbers(reading, [number])
        if merged is None:
            # Never seen: it only becomes one more name of the survivor.
            _attach(reading, survivor, [number])
            reading.inform(_("Le numéro absorbé n’était pas connu ici : il désigne désormais la fiche conservée."))
        elif merged.pk != survivor.pk:
            survivor = _together(reading, survivor, merged)
            reading.patient = survivor


def change_identifier(reading: Reading) -> None:
    """A47: the same person, another number."""
    former = [n for n in mrg.former(reading.message) if not n.meaning]
    if not former:
        raise Rejection(101, _("MRG-1 (ancien numéro) est obligatoire."), "MRG^1^1")
    old = _by_numbers(reading, former)
    new = _by_numbers(reading, reading.pid.own)
    if old is None:
        _keep(reading, identify(reading))
        reading.inform(_("L’ancien numéro n’était pas connu ici."))
        return
    if new is not None and new.pk != old.pk:
        raise Discord(
            205, _("Le nouveau numéro est déjà celui d’une autre fiche : une fusion (A40) est attendue."), "PID^1^3"
        )
    if not agree(CivilTraits.of(old.identity), traits_of(reading)):
        raise _discord()
    reading.patient = old
    systems = {n.system for n in former}
    for row in PatientIdentifier.objects.current().filter(
        patient__in=_files(old), value__in=[n.value for n in former], system__in=systems
    ):
        patients.end_identifier(
            reading.viewer, identifier=_movable(row, old), reason=_("numéro changé par l’établissement")
        )
    _attach(reading, old, reading.pid.own)


def link(reading: Reading) -> None:
    """A24: two files may be one. Into the identity queue: nobody is brought together without a decision."""
    first, second = _pair(reading)
    if first.pk != second.pk:
        duplicates.file_claim(first.pk, second.pk, level="auto")


def unlink(reading: Reading) -> None:
    """A37: these two are not one; the pair leaves the queue."""
    first, second = _pair(reading)
    found = PotentialDuplicate.objects.filter(
        first_id=min(first.pk, second.pk), second_id=max(first.pk, second.pk), state=PotentialDuplicate.State.OPEN
    ).first()
    if found:
        patients.set_apart(reading.viewer, duplicate=found, reason=_("séparées par l’établissement (A37)"))


# --- Who it is about -------------------------------------------------------------------------------------------------
def identify(reading: Reading, *, may_change: bool = False) -> Patient:
    """The patient of PID: known by the sender's numbers, or by her INS, or new. `may_change`: the event speaks of identity."""
    pid = reading.pid
    if not pid.identifiers:
        raise Rejection(101, _("PID-3 (identifiants) est obligatoire."), "PID^1^3")
    _check_reliability(reading)
    traits = traits_of(reading)
    found = _by_numbers(reading, pid.own)
    if found is not None:
        ours = CivilTraits.of(found.identity)
        if not agree(ours, traits) and not (may_change and _may_rewrite(reading, found)):
            raise _discord()
        reading.patient = found
        _attach(reading, found, pid.identifiers)
    else:
        matricule = _matricule(reading)
        try:
            got = patients.receive_patient(
                reading.viewer, traits=traits, ins_value=matricule.value if matricule else "",
                ins_oid=matricule.system if matricule else "", identifiers=_numbers(reading, pid.identifiers),
                coordinates=_coordinates(reading, {}), sender_qualified=pid.is_validated,
                is_test=reading.sender.processing == reading.sender.Processing.TEST, source=SOURCE,
            )  # fmt: skip
        except Refused as refusal:
            raise Rejection(207, str(refusal.message), "PID^1") from None
        for sentence in got.warnings:
            reading.warn(207, sentence, "PID^1^3")
        if got.found in (patients.Found.CREATED, patients.Found.CREATED_APART):
            # Its traits and coordinates are those of the message: only what they are worth is left to say.
            reading.patient = got.patient
            _status(reading, got.patient, zfd.read(reading.message).document)
            return got.patient
        found = reading.patient = Patient.objects.select_related("identity").get(pk=got.patient.pk)
        may_change = True
    if may_change:
        _update(reading, found, traits)
    return found


def traits_of(reading: Reading) -> CivilTraits:
    pid = reading.pid
    if not pid.named and pid.birth_family:
        reading.warn(
            103, _("Aucun nom de type L (nom de naissance) dans PID-5 : le premier nom est repris."), "PID^1^5"
        )
    sex = {"F": "F", "M": "M", "U": "I", "O": "I", "A": "I", "N": "I", "": "I", "I": "I"}.get(pid.sex)
    if sex is None:
        raise Rejection(103, _("PID-8 (sexe) n’a pas une valeur de la table."), "PID^1^8")
    if sex == "I":
        reading.inform(_("PID-8 (sexe) n’est pas précisé."), "PID^1^8")
    place = pid.birth_place_code
    values = {
        "birth_family": pid.birth_family, "birth_given": pid.birth_given, "birth_givens": pid.birth_givens, "sex": sex,
        "birth_date": pid.birth_date, "birth_place_label": pid.birth_place_label, "used_family": pid.used_family,
        "used_given": pid.used_given,
    }  # fmt: skip
    try:
        try:
            return CivilTraits.read(**values, birth_place_code=place)
        except Refused as refusal:
            if refusal.code != "birth_place_unreadable":
                raise
            reading.warn(102, str(refusal.message), "PID^1^11")
            return CivilTraits.read(**values)
    except Refused as refusal:
        where = "PID^1^7" if refusal.code.startswith("date") else "PID^1^5"
        missing = refusal.code in ("date_empty", "name_missing")
        words = {
            "date_empty": _("PID-7 (date de naissance) est obligatoire."),
            "name_missing": _("PID-5 (nom) est obligatoire."),
        }
        raise Rejection(101 if missing else 102, words.get(refusal.code, str(refusal.message)), where) from None


def _check_reliability(reading: Reading) -> None:
    if reading.pid.reliability or reading.message.first("PID").is_null(32):
        return
    if reading.msh.type == "ADT" and (reading.msh.french or (2, 99)) >= (2, 10):
        raise Rejection(101, _("PID-32 (fiabilité de l’identité) est obligatoire."), "PID^1^32")
    reading.warn(
        101, _("PID-32 (fiabilité de l’identité) est absente : l’identité est tenue pour provisoire."), "PID^1^32"
    )


def _by_numbers(reading: Reading, numbers: list[Identifier]) -> Patient | None:
    """The file that these numbers name; several files: the first, and a pair for the identity queue."""
    found: list[Patient] = []
    for number in numbers:
        if number.meaning or not number.value:
            continue
        row = (
            PatientIdentifier.objects.current()
            .filter(value=" ".join(number.value.split()), system=number.system)
            .exclude(kind=PatientIdentifier.Kind.NSS)
            .select_related("patient__identity", "patient__merged_into__identity")
            .first()
        )
        if row:
            patient = row.patient.merged_into or row.patient
            if patient.pk not in {p.pk for p in found}:
                found.append(patient)
    if len(found) > 1:
        duplicates.file_claim(found[0].pk, found[1].pk, level="review")
        reading.warn(
            207, _("Les numéros reçus désignent plusieurs fiches : à examiner par l’identitovigilance."), "PID^1^3"
        )
    return found[0] if found else None


def _matricule(reading: Reading) -> Identifier | None:
    """The INS, only from an identity that its sender qualified."""
    held = reading.pid.matricules
    if not held:
        return None
    if not reading.pid.is_validated:
        reading.warn(
            207, _("L’INS reçu n’accompagne pas une identité validée (PID-32) : il n’a pas été repris."), "PID^1^3"
        )
        return None
    return held[0]


def _numbers(reading: Reading, identifiers: list[Identifier]) -> list[tuple[str, str, str]]:
    kept: list[tuple[str, str, str]] = []
    for number in identifiers:
        if not number.value or number.meaning == "INS":
            continue
        kind = KINDS.get(number.meaning) or (
            PatientIdentifier.Kind.IPP if number.type in ("PI", "") else PatientIdentifier.Kind.LOCAL
        )
        if len(number.value) > 100 or len(number.system) > 200:
            reading.warn(102, _("Un identifiant trop long n’a pas été repris."), "PID^1^3")
            continue
        if kind == PatientIdentifier.Kind.NSS and not _nss_reads(number.value):
            reading.warn(102, _("Un numéro de sécurité sociale illisible n’a pas été repris."), "PID^1^3")
            continue
        kept.append((kind, number.system, number.value))
    return kept


def _nss_reads(value: str) -> bool:
    from cercle.people.patients import ins

    return ins.is_valid(value)


def _attach(reading: Reading, patient: Patient, identifiers: list[Identifier]) -> None:
    """The sender's numbers that this file does not bear yet."""
    wanted = _numbers(reading, identifiers)
    held = set(
        PatientIdentifier.objects.current()
        .filter(patient__in=_files(patient), value__in=[v for _k, _s, v in wanted])
        .values_list("kind", "system", "value")
    )
    said_once = {(kind, "" if kind in KINDS.values() else system, value) for kind, system, value in held}
    for kind, system, value in wanted:
        if (kind, "" if kind in KINDS.values() else system, value) in said_once:
            continue
        try:
            patients.add_identifier(
                reading.viewer, patient=patient, kind=kind, system=system, value=value, source=SOURCE
            )
        except Refused as refusal:
            reading.warn(205, str(refusal.message), "PID^1^3")


def _files(patient: Patient) -> list:
    return [patient.pk, *patient.aliases.values_list("pk", flat=True)]


def _movable(row: PatientIdentifier, patient: Patient) -> PatientIdentifier:
    """A number of an alias is ended through the file that stands for it."""
    if row.patient_id != patient.pk:
        row.patient_id = patient.pk
    return row


def _discord() -> Discord:
    return Discord(
        207,
        _("Ce numéro désigne ici une personne dont les traits diffèrent : à examiner par l’identitovigilance."),
        "PID^1^3",
    )


def _theirs(reading: Reading, identity: Identity) -> bool:
    """Is what this identity is worth the word of this very sender, and of nobody else since?"""
    said = Identity.objects.filter(patient_id=identity.patient_id).order_by("-id").values_list(
        "status", "ins_value", "decided_by_id", "decided_name"
    )  # fmt: skip
    for status, ins_value, by, name in said:
        if (status, ins_value) != (identity.status, identity.ins_value):
            break  # an older state of trust
        if by is not None or name != reading.sender.client.name[:200]:
            return False
    return True


def _may_rewrite(reading: Reading, patient: Patient) -> bool:
    """Traits of another person under a known number: only its own sender corrects a file that nobody else confirmed."""
    identity = patient.identity
    if not _theirs(reading, identity):
        return False
    return identity.status == PROV or _origin(reading, identity) != Origin.FEED


def _origin(reading: Reading, identity: Identity) -> Origin:
    """How far this sender's word goes for strict traits."""
    pid, document = reading.pid, zfd.read(reading.message).document
    if not (reading.sender.qualifies and pid.is_validated):
        return Origin.FEED
    same_ins = identity.ins_value and any(m.value == identity.ins_value for m in pid.matricules)
    if same_ins and _theirs(reading, identity):
        return Origin.INSI
    return Origin.DOCUMENT if document else Origin.FEED


# --- What changes ----------------------------------------------------------------------------------------------------
def _update(reading: Reading, patient: Patient, traits: CivilTraits) -> None:
    identity = patient.identity
    ours = CivilTraits.of(identity)
    wanted = _completed(reading, ours, traits)
    document = zfd.read(reading.message).document
    origin = _origin(reading, identity)
    try:
        identity = patients.update_identity(
            reading.viewer,
            patient=patient,
            traits=wanted,
            origin=origin,
            document=document if origin == Origin.DOCUMENT else "",
        )
    except Refused as refusal:
        if refusal.code != "lesser_source":
            raise
        reading.warn(
            207,
            _("Les traits stricts reçus diffèrent de ceux d’une identité contrôlée ici : ils n’ont pas été repris."),
            "PID^1^5",
        )
        kept = replace(ours, used_family=wanted.used_family, used_given=wanted.used_given)
        identity = patients.update_identity(reading.viewer, patient=patient, traits=kept)
    patient.identity = identity
    _status(reading, patient, document)
    said = _coordinates(reading, _current_coordinates(patient))
    if said:
        patients.change_coordinates(reading.viewer, patient=patient, **said)


def _completed(reading: Reading, ours: CivilTraits, traits: CivilTraits) -> CivilTraits:
    """What the message does not say stays: no field, no change."""
    changes: dict = {}
    if not traits.birth_place_code and not traits.birth_place_label:
        changes |= {"birth_place_code": ours.birth_place_code, "birth_place_label": ours.birth_place_label}
    elif traits.birth_place_code == ours.birth_place_code and not traits.birth_place_label:
        changes["birth_place_label"] = ours.birth_place_label
    if not reading.pid.says_used_name:
        changes |= {"used_family": ours.used_family, "used_given": ours.used_given}
    if traits.birth_givens == traits.birth_given and ours.birth_givens.split(" ")[0] == traits.birth_given:
        changes["birth_givens"] = ours.birth_givens  # the first name alone corrects no list
    if traits.sex == "I":
        changes["sex"] = ours.sex
    if ours.birth.overlaps(traits.birth) and ours.birth.is_full and not traits.birth.is_full:
        changes["birth"] = ours.birth
    return replace(traits, **changes)


def _status(reading: Reading, patient: Patient, document: str) -> None:
    """PID-32 as far as this sender may carry it. A file that others checked does not fall by its word."""
    pid, viewer = reading.pid, reading.viewer
    reason = _("dit par l’établissement (PID-32)")
    identity = patient.identity
    for marker in pid.doubts:
        if identity.status == PROV or _theirs(reading, identity):
            identity = patient.identity = patients.mark(viewer, patient=patient, marker=marker, reason=reason)
        else:
            reading.warn(
                207, _("L’établissement tient cette identité pour douteuse ; elle a été contrôlée ici."), "PID^1^32"
            )
    if not pid.is_validated:
        _matricule(reading)
        if "PROV" in pid.reliability and identity.status != PROV and not pid.doubts and _theirs(reading, identity):
            patient.identity = patients.lower_status(viewer, patient=patient, to=PROV, reason=reason)
        return
    if identity.markers and _theirs(reading, identity):
        for marker in identity.markers:
            identity = patient.identity = patients.mark(viewer, patient=patient, marker=marker, on=False, reason=reason)
    try:
        if matricule := _matricule(reading):
            done = patients.take_ins(
                viewer, patient=patient, ins_value=matricule.value, ins_oid=matricule.system,
                traits=CivilTraits.of(identity) if not _strict_differ(reading, identity) else traits_of(reading), reason=reason,
            )  # fmt: skip
            if done == patients.InsOutcome.HELD:
                reading.warn(
                    207, _("L’INS reçu est celui d’une autre fiche : à examiner par l’identitovigilance."), "PID^1^3"
                )
            identity = patient.identity = Patient.objects.select_related("identity").get(pk=patient.pk).identity
        if reading.sender.qualifies and identity.status not in CHECKED:
            if identity.status in WITH_INS and not document:
                reading.inform(_("ZFD-7 (pièce d’identité) est absent : l’identité reste récupérée."), "ZFD^1^7")
            else:
                patient.identity = patients.validate_identity(
                    viewer, patient=patient, document=document or "TC", reason=reason
                )
    except Refused as refusal:
        reading.warn(207, str(refusal.message), "PID^1^3")


def _strict_differ(reading: Reading, identity: Identity) -> bool:
    ours = CivilTraits.of(identity)
    return bool(ours.strict_changes(_completed(reading, ours, traits_of(reading))))


def _current_coordinates(patient: Patient) -> dict[str, str]:
    row = Coordinates.objects.current().filter(patient=patient).first()
    names = (
        "address",
        "address_extra",
        "postal_code",
        "commune_code",
        "commune_label",
        "country_code",
        "phone",
        "phone_other",
        "email",
    )
    return {name: getattr(row, name) for name in names} if row else {}


def _coordinates(reading: Reading, current: dict[str, str]) -> dict[str, str]:
    said = dict(reading.pid.address)
    for name, check in (("phone", checked_phone), ("phone_other", checked_phone), ("email", checked_email)):
        if said.get(name):
            try:
                said[name] = check(said[name])
            except Refused as refusal:
                del said[name]
                reading.warn(102, str(refusal.message), "PID^1^13")
    if said.get("address") is not None and "commune_code" in said and not said["commune_code"]:
        same = (current.get("commune_label"), current.get("postal_code")) == (
            said.get("commune_label"),
            said.get("postal_code"),
        )
        said["commune_code"] = current.get("commune_code", "") if same else ""
    return current | said if said else {}


def _keep(reading: Reading, patient: Patient) -> None:
    """All that an identity message says beside the traits."""
    _relatives(reading, patient)
    doctor = rol.treating_doctor(reading.message)
    if doctor and not TreatingDoctor.objects.current().of(patient.pk).exists():
        try:
            patients.declare_treating_doctor(
                reading.viewer, patient=patient, external_name=doctor.name, external_place=doctor.place,
                external_phone=doctor.phone,
            )  # fmt: skip
        except Refused as refusal:
            reading.warn(102, str(refusal.message), "ROL")
    tell_death(reading, patient)
    keep_told(reading, patient)


def _relatives(reading: Reading, patient: Patient) -> None:
    told = nk1.read(reading.message)
    if not told:
        return
    held = {(name_key(c.family), name_key(c.given)): c for c in Contact.objects.current().of(patient.pk)}
    for relative in told:
        known = held.get((name_key(relative.family), name_key(relative.given)))
        values = {k: v for k, v in relative.values.items() if v}
        try:
            if known is None:
                patients.add_contact(
                    reading.viewer, patient=patient, family=relative.family, given=relative.given, **values
                )
                continue
            # What people entered here is not overwritten, only completed; what came from this feed follows it.
            free = not known.decided_by_id
            changes = {k: v for k, v in values.items() if getattr(known, k) != v and (free or not getattr(known, k))}
            if changes:
                patients.change_contact(reading.viewer, contact=known, **changes)
        except Refused as refusal:
            reading.warn(207, str(refusal.message), "NK1")


def tell_death(reading: Reading, patient: Patient) -> None:
    if not reading.pid.is_dead or patient.is_deceased:
        return
    when = evn.happened(reading.message)
    on = reading.pid.died_on or (when.at.date().isoformat() if when else "")
    if not on:
        return
    try:
        patients.record_death(reading.viewer, patient=patient, on=on, reason=_("dit par l’établissement"))
    except Refused as refusal:
        reading.warn(102, str(refusal.message), "PID^1^29")


def keep_told(reading: Reading, patient: Patient) -> None:
    dmp, known = zfa.read(reading.message)
    if dmp and not known:
        reading.warn(103, _("ZFA porte des valeurs inconnues : seules celles qui se lisent sont gardées."), "ZFA")
    for kind, values in (("ZFA", dmp), ("ZFD", zfd.read(reading.message).values)):
        if values:
            Told.objects.update_or_create(
                sender=reading.sender, patient=patient, kind=kind, defaults={"values": values}
            )


# --- Two files -------------------------------------------------------------------------------------------------------
def _together(reading: Reading, survivor: Patient, merged: Patient) -> Patient:
    """Merge, and give the file that stands. The one that carries the INS stands, whatever the order of the message."""
    pair = (survivor.pk, merged.pk)
    if not agree(CivilTraits.of(survivor.identity), CivilTraits.of(merged.identity)):
        said = _("Les traits de ces deux fiches diffèrent : la fusion attend l’identitovigilance.")
        raise Discord(207, said, "MRG^1^1", pair=pair)
    if merged.identity.ins_value and not survivor.identity.ins_value:
        survivor, merged = merged, survivor
    try:
        circles.merge_files(
            reading.viewer, survivor=survivor, merged=merged, reason=_("fusion dite par l’établissement (A40)")
        )
    except Refused as refusal:
        raise Discord(207, str(refusal.message), "MRG^1^1", pair=pair) from None
    return survivor


def _pair(reading: Reading) -> tuple[Patient, Patient]:
    from ..segments import pid

    found = []
    for n, segment in enumerate(reading.message.all("PID"), 1):
        patient = _by_numbers(reading, pid.read(segment).own)
        if patient is None:
            raise Rejection(204, _("Ce numéro n’est pas connu ici."), f"PID^{n}^3")
        found.append(patient)
    if len(found) != 2:
        raise Rejection(198, _("Deux segments PID sont attendus."), "PID")
    reading.patient = found[0]
    return found[0], found[1]


__all__ = ["change_identifier", "create", "identify", "link", "merge", "unlink", "update"]
