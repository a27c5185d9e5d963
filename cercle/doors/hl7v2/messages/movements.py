"""ITI-31: one function for every movement, since ZBE says what to do with which. What circles are shown: visits.py."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from .. import visits
from ..acknowledge import Rejection
from ..models import Movement, Visit
from ..reading import Reading
from ..segments import evn, pd1, pv1, pv2, zbe, zfm, zfp, zfv
from ..segments.shapes import Moment, moment
from ..segments.zbe import CANCEL, INSERT, UPDATE
from . import identity

# A cancelling event, and what it cancels when ZBE-6 does not say.
CANCELS = {
    "A11": "A01", "A12": "A02", "A13": "A03", "A38": "A05", "A27": "A14", "A25": "A16", "A26": "A15", "A52": "A21", "A53": "A22",
    "A55": "A54",
}  # fmt: skip
FAR = timedelta(days=366 * 120)


def move(reading: Reading) -> None:
    patient = identity.identify(reading)
    said = zbe.read(reading.message)
    if not said.refs:
        raise Rejection(101, _("ZBE-1 (identifiant du mouvement) est obligatoire."), "ZBE^1^1")
    action = _action(reading, said)
    at = said.at or _instead(reading)
    place = pv1.read(reading.message)
    visit = _visit(reading, patient, said, place, action)
    touched = {visit.pk: visit}
    # Cancelling may name several; another action has one movement, whatever else is repeated.
    for ref in said.refs if action == CANCEL else said.refs[:1]:
        touched |= _write(reading, visit, ref, said, place, action, at)
    for row in touched.values():
        visits.settle(row)
    for row in touched.values():
        for problem in visits.show(reading.sender, row, reading.row.pk):
            reading.warn(207, problem, "ZBE")
    identity.tell_death(reading, patient)
    identity.keep_told(reading, patient)
    _death(reading, visit)


def _action(reading: Reading, said: zbe.Zbe) -> str:
    event = reading.event
    expected = CANCEL if event in CANCELS else INSERT
    if said.action not in (INSERT, UPDATE, CANCEL):
        reading.warn(103, _("ZBE-4 (action) est absent ou inconnu : l’événement en tient lieu."), "ZBE^1^4")
        return UPDATE if event == "Z99" else expected
    if event in CANCELS and said.action == INSERT:
        reading.warn(103, _("ZBE-4 vaut INSERT dans un événement d’annulation : le mouvement est annulé."), "ZBE^1^4")
        return CANCEL
    return said.action


def _instead(reading: Reading) -> Moment:
    at = evn.happened(reading.message) or moment(reading.msh.sent_at)
    if at is None:
        raise Rejection(101, _("ZBE-2 (date du mouvement) est obligatoire."), "ZBE^1^2")
    reading.warn(
        101, _("ZBE-2 (date du mouvement) est absente ou illisible : la date de l’événement en tient lieu."), "ZBE^1^2"
    )
    return at


def _visit(reading: Reading, patient, said: zbe.Zbe, place: pv1.Pv1, action: str) -> Visit:
    known = Visit.objects.select_for_update().filter(sender=reading.sender)
    account = reading.pid.account
    number = place.number
    if not number and action != INSERT:
        found = known.filter(movements__ref__in=said.refs).order_by("-id").first()
        if found:
            return found
    if not number:
        number = f"dossier|{account.key}"[:200] if account else f"mouvement|{said.refs[0]}"[:200]
        reading.warn(
            101,
            _("PV1-19 (numéro de venue) est absent : la venue est reconnue par le dossier ou le mouvement."),
            "PV1^1^19",
        )
    found = known.filter(number=number).first()
    if found is None:
        with transaction.atomic():
            found = Visit.objects.create(
                sender=reading.sender, patient=patient, number=number, account=account.key[:200] if account else ""
            )
    elif not _same_person(found, patient):
        raise identity.Discord(
            207, _("Cette venue est déjà celle d’une autre fiche : à examiner par l’identitovigilance."), "PV1^1^19"
        )
    elif account and found.account != account.key[:200]:
        found.account = account.key[:200]
    return found


def _same_person(visit: Visit, patient) -> bool:
    return patient.pk in (visit.patient_id, visit.patient.canonical_id)


def _write(reading: Reading, visit: Visit, ref: str, said: zbe.Zbe, place: pv1.Pv1, action: str, at: Moment) -> dict:
    """The movement's row, as last said; gives the visits to settle again."""
    spoken_at = moment(reading.message.first("EVN").text(2)) or moment(reading.msh.sent_at)
    row = Movement.objects.filter(visit=visit, ref=ref).select_for_update().first()
    touched: dict = {}
    if row is None:
        elsewhere = Movement.objects.filter(ref=ref, visit__sender=reading.sender).select_related("visit")
        if other := elsewhere.first():
            if action == INSERT or not _same_person(other.visit, reading.patient):
                reading.warn(
                    205,
                    _("Cet identifiant de mouvement a déjà servi pour une autre venue : il est gardé sous celle-ci."),
                    "ZBE^1^1",
                )
            else:
                # A correction that names the movement under another visit number: the movement knows its visit.
                row, visit = other, other.visit
                touched[visit.pk] = visit
    event = (
        said.original
        if said.original and reading.event in ("Z99", *CANCELS)
        else CANCELS.get(reading.event, reading.event)
    )
    if row is None:
        if action != INSERT:
            reading.inform(_("Le mouvement corrigé ou annulé n’avait pas été reçu : il est gardé ainsi."), "ZBE^1^1")
        row = Movement(visit=visit, ref=ref, event=event, at=at.at)
    else:
        last = parse_datetime(row.details.get("spoken_at", "")) if row.details.get("spoken_at") else None
        if last and spoken_at and spoken_at.at < last:
            reading.inform(_("Ce mouvement a été dit plus récemment : le message ancien ne le change pas."), "EVN^1^2")
            return touched
        if action == INSERT and not row.is_cancelled:
            reading.warn(205, _("Ce mouvement était déjà connu : il est tenu pour une correction."), "ZBE^1^1")
        elif action != CANCEL and row.is_cancelled:
            reading.warn(205, _("Ce mouvement avait été annulé : il est repris."), "ZBE^1^1")
    row.is_cancelled = action == CANCEL
    row.message = reading.row
    if action != CANCEL or row.pk is None or row._state.adding:
        row.event = (
            row.event if row.event and not row._state.adding and reading.event == "Z99" and not said.original else event
        )
        row.at = at.at
        row.is_historic, row.nature = said.is_historic, said.nature
        row.patient_class = place.patient_class
        row.ward, row.room = (said.ward or place.ward)[:120], place.room[:40]
        row.details = _details(reading, said, place, at)
    row.details["spoken_at"] = spoken_at.at.isoformat() if spoken_at else ""
    row.save()
    return touched


def _details(reading: Reading, said: zbe.Zbe, place: pv1.Pv1, at: Moment) -> dict:
    message = reading.message
    pmsi = zfm.read(message)
    expected_end = pv2.expected_discharge(message) or (evn.planned(message) if reading.event == "A16" else None)
    expected_start = pv2.expected_entry(message) or (evn.planned(message) if reading.event in ("A05", "A14") else None)
    found = {
        "has_time": at.has_time, "unit": said.unit, "zfm": pmsi, "zfp": zfp.read(message), "zfv": zfv.read(message),
        "end_kind": zfm.end_kind(pmsi), "disposition": place.disposition,
        "entry_mode": zfm.entry_mode(pmsi) or ("emergency" if place.patient_class == "E" or place.admission_type in pv1.EMERGENCY else ""),
        "admitted": _iso(place.admitted), "discharged": _iso(place.discharged), "expected_end": _iso(expected_end),
        "expected_start": _iso(expected_start), "protected": pd1.is_protected(message),
    }  # fmt: skip
    return {k: v for k, v in found.items() if v not in ("", None, {}, False)} | {"has_time": at.has_time}


def _iso(found: Moment | None) -> str:
    return found.at.isoformat() if found and abs(found.at - timezone.now()) < FAR else ""


def _death(reading: Reading, visit: Visit) -> None:
    """A discharge by death says it of the person too; its cancelling takes it back, when this visit had said it."""
    from cercle.base.common.errors import Refused
    from cercle.people.patients import actions as patients
    from cercle.people.patients.models import Patient

    visit.refresh_from_db()
    patient = Patient.objects.select_related("identity").get(pk=reading.patient.pk)
    died = visit.state == Visit.State.ENDED and visit.end_kind == "death"
    day = timezone.localtime(visit.ended_at).date().isoformat() if died else ""
    try:
        if died and not patient.is_deceased:
            patients.record_death(reading.viewer, patient=patient, on=day, reason=_("sortie de l’établissement"))
        elif reading.event == "A13" and patient.is_deceased and not died and _said_here(reading, visit):
            patients.cancel_death(reading.viewer, patient=patient, reason=_("sortie annulée par l’établissement"))
    except Refused as refusal:
        reading.warn(207, str(refusal.message), "ZFM^1^2")


def _said_here(reading: Reading, visit: Visit) -> bool:
    deaths = visit.movements.filter(event="A03", is_cancelled=True)
    return any(m.details.get("end_kind") == "death" for m in deaths)
