"""From an establishment's movements to what it says now of a visit, and from there to the stay that a circle is shown.

Movements come late, twice, corrected or cancelled: the visit is told anew from all of them, and the stay is brought to it
by the verbs of `care/stays`. Nothing here depends on the order in which messages came.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.care.stays import actions as stays
from cercle.care.stays.models import Source, Stay
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting, reach_as_feed
from cercle.people.circles.models import Circle
from cercle.people.patients.models import Patient

from .models import Movement, Sender, Visit
from .reading import SOURCE, viewer_of

ENTRIES = {"A01", "A04"}
PLANS = {"A05", "A14"}
# What says that the person was there at that time.
PRESENCE = {"A01", "A02", "A03", "A04", "A06", "A07", "A21", "A22", "A54", "Z99"}
OUTSIDE = {"O", "N", "R", "P", "V"}  # table 0004: a consultation is no stay away from home
TOO_OLD = timedelta(days=60)  # a stay that ended before, and that nobody was told of, is history


def settle(visit: Visit) -> Visit:
    """What all movements together say now."""
    known = list(visit.movements.order_by("at", "id"))
    moves = [m for m in known if not m.is_cancelled]
    present = [m for m in moves if m.event in PRESENCE]
    visit.ward, visit.room, visit.entry_mode, visit.end_kind = "", "", "", ""
    visit.started_at = visit.ended_at = visit.expected_end = visit.expected_start = None
    if present:
        first = next((m for m in present if m.event in ENTRIES), None)
        visit.started_at = first.at if first else min(_read(present[0], "admitted") or present[0].at, present[0].at)
        visit.entry_mode = (first or present[0]).details.get("entry_mode", "")
        placed = [m for m in present if m.ward or m.room]
        if placed:
            visit.ward, visit.room = placed[-1].ward, placed[-1].room
        visit.patient_class = next((m.patient_class for m in reversed(present) if m.patient_class), visit.patient_class)
        told = [m for m in moves if m.event in ("A16",) or m.details.get("expected_end")]
        visit.expected_end = _read(told[-1], "expected_end") if told else None
        left = next((m for m in reversed(present) if m.event in ENTRIES | {"A03"}), None)
        visit.state = Visit.State.OPEN
        # An entry after the discharge, under the same number, opens it again.
        if left and left.event == "A03":
            visit.state, visit.ended_at = Visit.State.ENDED, max(left.at, visit.started_at)
            visit.end_kind = left.details.get("end_kind") or Stay.End.OTHER
    elif plans := [m for m in moves if m.event in PLANS]:
        visit.state = Visit.State.PLANNED
        visit.patient_class = plans[-1].patient_class or visit.patient_class
        visit.expected_start = _read(plans[-1], "expected_start") or plans[-1].at
        visit.expected_end = _read(plans[-1], "expected_end")
        visit.ward = plans[-1].ward
    elif any(m.event in ENTRIES | PLANS for m in known):
        visit.state = Visit.State.CANCELLED
    elif known:
        # Only a cancelled discharge or transfer came: she is there, since the day that those named.
        visit.state = Visit.State.OPEN
        visit.started_at = next((at for m in known if (at := _read(m, "admitted"))), None)
    visit.save()
    return visit


def show(sender: Sender, visit: Visit, message_id: UUID | None = None) -> list[str]:
    """Bring the circle's stay to what the visit says. Gives what could not be shown, in words without personal data."""
    moves = list(visit.movements.filter(is_cancelled=False).order_by("at", "id"))
    if any(m.details.get("protected") for m in moves) and visit.stay_id is None:
        return []  # she asked that nobody be told
    acting = _acting(sender, visit)
    if acting is None:
        return []
    try:
        with transaction.atomic():
            _bring(acting, sender, visit, moves, str(message_id or ""))
    except Refused as refusal:
        return [str(refusal.message)]
    return []


def _acting(sender: Sender, visit: Visit) -> Acting | None:
    """This connector in the circle of that person, when there is one and it may speak there."""
    patient = Patient.objects.get(pk=visit.patient_id)
    files = [
        patient.canonical_id,
        *Patient.objects.filter(merged_into=patient.canonical_id).values_list("pk", flat=True),
    ]
    held = {c.pk: c for c in Circle.objects.filter(pk__in=files)}
    circle = held.get(patient.canonical_id) or next(iter(held.values()), None)
    if circle is None or not (sender.is_active and sender.client.active):
        return None
    acting = reach_as_feed(sender.client, circle.pk, source=SOURCE)
    if acting is None and sender.joins_circles:
        try:
            circles.join_as_feed(viewer_of(sender), circle=circle, client=sender.client)
        except Refused:
            return None  # she opposed it, or somebody ended its participation
        acting = reach_as_feed(sender.client, circle.pk, source=SOURCE)
    return acting


def _bring(acting: Acting, sender: Sender, visit: Visit, moves: list[Movement], message_id: str) -> None:
    stay = Stay.objects.filter(pk=visit.stay_id).first() if visit.stay_id else None
    ref = f"{message_id}|{visit.pk.hex[:8]}" if message_id else ""
    known = visit.state in (Visit.State.OPEN, Visit.State.ENDED) and visit.started_at is not None
    there = known and visit.patient_class not in OUTSIDE
    if stay is not None and stay.cancelled_at:
        if not there:
            return
        stay = None  # cancelled, then told again: another stay
    if stay is None:
        if there:
            _admit(acting, sender, visit, moves, ref)
        return
    if visit.state in (Visit.State.CANCELLED, Visit.State.PLANNED):
        stays.cancel(acting, stay=stay, text=_("Annulé par l’établissement."), source_ref=ref)
        return
    if not known:
        return
    if not there:  # A07: she goes on as an outpatient
        if stay.is_open:
            back = next((m.at for m in reversed(moves) if m.event == "A07"), timezone.now())
            stays.discharge(
                acting, stay=stay, ended_at=max(back, stay.started_at), end_kind=Stay.End.HOME, source_ref=ref
            )
        return
    last = moves[-1] if moves else None
    if stay.started_at != visit.started_at:
        stay = stays.correct(
            acting, stay=stay, started_at=visit.started_at, has_time=_has_time(moves, visit.started_at),
            text=_("Date d’entrée corrigée par l’établissement."), source_ref=ref,
        )  # fmt: skip
        ref = ""
    if stay.ended_at and visit.state == Visit.State.OPEN:
        stay = stays.reopen(acting, stay=stay, source_ref=ref)
        ref = ""
    if stay.is_open and (visit.ward, visit.room) != (stay.ward, stay.room) and (visit.ward or visit.room):
        if (
            last is not None
            and last.event in ("A02", "A06", "Z99")
            and last.at > stay.started_at
            and last.at <= timezone.now()
        ):
            stays.move(acting, stay=stay, at=last.at, ward=visit.ward, room=visit.room, source_ref=ref)
        elif not (last is not None and last.event == "A03"):
            stays.correct(
                acting, stay=stay, ward=visit.ward, room=visit.room, text=_("Changement de service corrigé par l’établissement."),
                source_ref=ref,
            )  # fmt: skip
        stay = Stay.objects.get(pk=stay.pk)
    elif (
        stay.is_open
        and last is not None
        and last.event in ("A21", "A22")
        and message_id
        and str(last.message_id) == message_id
    ):
        text = _("Sortie en permission.") if last.event == "A21" else _("Retour de permission.")
        stays.move(
            acting, stay=stay, at=last.at, ward=stay.ward or stay.label, room=stay.room, text=text, source_ref=ref
        )
    _expect(acting, stay, visit)
    if visit.state == Visit.State.ENDED:
        if stay.is_open:
            stays.discharge(
                acting, stay=stay, ended_at=visit.ended_at, end_kind=visit.end_kind or Stay.End.OTHER,
                has_time=_has_time(moves, visit.ended_at), source_ref=ref,
            )  # fmt: skip
            _next_of(sender, visit)
        elif (stay.ended_at, stay.end_kind) != (visit.ended_at, visit.end_kind):
            stays.correct(
                acting, stay=stay, ended_at=visit.ended_at, end_kind=visit.end_kind,
                text=_("Sortie corrigée par l’établissement."), source_ref=ref,
            )  # fmt: skip


def _admit(acting: Acting, sender: Sender, visit: Visit, moves: list[Movement], ref: str) -> None:
    if visit.ended_at and visit.ended_at < timezone.now() - TOO_OLD:
        return
    organization = sender.client.organization
    expected = visit.expected_end
    stay = stays.admit(
        acting, started_at=visit.started_at, organization=organization, ward=visit.ward, room=visit.room,
        entry_mode=visit.entry_mode, has_time=_has_time(moves, visit.started_at),
        expected_end=expected if expected and expected > visit.started_at else None, expected_has_time=_hour(expected),
        source=Source.HL7V2, source_ref=f"{visit.pk}|{len(moves)}", movement_ref=ref,
    )  # fmt: skip
    visit.stay = stay
    visit.save(update_fields=["stay"])
    if visit.state == Visit.State.ENDED:
        stays.discharge(
            acting, stay=stay, ended_at=visit.ended_at, end_kind=visit.end_kind or Stay.End.OTHER,
            has_time=_has_time(moves, visit.ended_at), source_ref=ref,
        )  # fmt: skip


def _expect(acting: Acting, stay: Stay, visit: Visit) -> None:
    if not stay.is_open or visit.state != Visit.State.OPEN or stay.expected_end == visit.expected_end:
        return
    if visit.expected_end and timezone.localdate(visit.expected_end) < timezone.localdate():
        return  # the day has passed: not news
    stays.announce_discharge(acting, stay=stay, expected_end=visit.expected_end, has_time=_hour(visit.expected_end))


def _next_of(sender: Sender, visit: Visit) -> None:
    """Another visit of the same person there was waiting behind the one that ended."""
    for other in Visit.objects.filter(sender=sender, patient=visit.patient_id, state=Visit.State.OPEN, stay=None):
        show(sender, other)


def show_all(patient_id: UUID) -> int:
    """A circle opens: what hospitals said before is shown now. Gives how many visits were looked at."""
    files = [patient_id, *Patient.objects.filter(merged_into=patient_id).values_list("pk", flat=True)]
    rows = Visit.objects.filter(patient__in=files, state=Visit.State.OPEN, stay=None).select_related("sender__client")
    seen = 0
    for visit in rows.order_by("started_at"):
        with transaction.atomic():
            show(visit.sender, visit)
        seen += 1
    return seen


def _read(movement: Movement, name: str) -> datetime | None:
    text = movement.details.get(name)
    return parse_datetime(text) if text else None


def _has_time(moves: list[Movement], at: datetime | None) -> bool:
    return all(m.details.get("has_time", True) for m in moves if m.at == at)


def _hour(at: datetime | None) -> bool:
    return bool(at) and timezone.localtime(at).strftime("%H%M%S") != "000000"
