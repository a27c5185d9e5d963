"""The verbs of stays: admit, move, announce_discharge, discharge, reopen, correct, cancel.

Each writes a movement, brings the stay up to date, leaves its trace and tells open screens. `source_ref` makes a feed's
repeated message harmless: the first call answers again.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.people.circles.access import Acting
from cercle.people.directory.models import Organization

from .models import Movement, Source, Stay

# A clock may be late; a stay told today may have begun long ago, not last century.
SLACK = timedelta(minutes=10)
OLDEST = timedelta(days=366 * 10)
FARTHEST = timedelta(days=366 * 2)


def admit(
    acting: Acting,
    *,
    started_at: datetime,
    organization: Organization | None = None,
    label: str = "",
    kind: str = Stay.Kind.HOSPITAL,
    ward: str = "",
    room: str = "",
    entry_mode: str = "",
    has_time: bool = True,
    expected_end: datetime | None = None,
    expected_has_time: bool = False,
    text: str = "",
    source: str = Source.MANUAL,
    source_ref: str = "",
    movement_ref: str = "",
) -> Stay:
    """An entry in an establishment. Raises `Refused` when she is already there, or the dates cannot be."""
    label = " ".join(label.split())[:160] or (organization.display_name[:160] if organization else "")
    if not label:
        raise Refused(_("Indiquez l’établissement."), "no_place")
    _past(started_at)
    _coming(expected_end, after=started_at)
    if source_ref and (known := Stay.objects.filter(source=source, source_ref=source_ref).first()):
        return _same_circle(acting, known)
    stay = Stay(
        circle_id=acting.circle_id,
        kind=kind,
        organization=organization,
        label=label,
        ward=_line(ward, 120),
        room=_line(room, 40),
        entry_mode=entry_mode,
        started_at=started_at,
        started_has_time=has_time,
        expected_end=expected_end,
        expected_has_time=expected_has_time,
        source=source,
        source_ref=source_ref[:160],
        entered_by_user_id=acting.user_id,
        entered_by_role_id=acting.practice_role_id,
    )
    try:
        with transaction.atomic():
            stay.save(force_insert=True)
            _move(
                acting,
                stay,
                Movement.Kind.ADMISSION,
                at=started_at,
                has_time=has_time,
                text=text,
                source_ref=movement_ref,
            )
            if expected_end:
                _move(
                    acting,
                    stay,
                    Movement.Kind.ANNOUNCE,
                    at=timezone.now(),
                    expected_end=expected_end,
                    expected_has_time=expected_has_time,
                )
            _told(acting, "stays.admitted", stay, Kind.CREATE)
    except IntegrityError as e:
        if "stay_one_open" in str(e):
            raise Refused(
                _("Un séjour est déjà ouvert dans cet établissement : complétez-le plutôt."), "already_open"
            ) from e
        if "source_ref" in str(e) and source_ref:  # the same message, twice at once
            return _same_circle(acting, Stay.objects.get(source=source, source_ref=source_ref))
        raise
    return stay


def move(
    acting: Acting,
    *,
    stay: Stay,
    at: datetime,
    ward: str = "",
    room: str = "",
    has_time: bool = True,
    text: str = "",
    source_ref: str = "",
) -> Movement:
    """Another ward or room of the same establishment."""
    if not (ward.strip() or room.strip()):
        raise Refused(_("Indiquez le service ou la chambre."), "no_ward")
    _past(at)
    with transaction.atomic():
        stay = _open(acting, stay)
        _not_before_start(stay, at, has_time)
        stay.ward, stay.room = _line(ward, 120) or stay.ward, _line(room, 40)
        stay.save(update_fields=["ward", "room"])
        moved = _move(acting, stay, Movement.Kind.TRANSFER, at=at, has_time=has_time, text=text, source_ref=source_ref)
        _told(acting, "stays.moved", stay)
    return moved


def announce_discharge(
    acting: Acting,
    *,
    stay: Stay,
    expected_end: datetime | None,
    has_time: bool = False,
    text: str = "",
    source_ref: str = "",
) -> Movement:
    """The day (and hour) of the return; None: put off, without a new date."""
    with transaction.atomic():
        stay = _open(acting, stay)
        if expected_end is not None:
            _coming(expected_end, after=stay.started_at, today=True)
        stay.expected_end, stay.expected_has_time = expected_end, bool(expected_end) and has_time
        stay.save(update_fields=["expected_end", "expected_has_time"])
        told = _move(
            acting, stay, Movement.Kind.ANNOUNCE, at=timezone.now(), expected_end=expected_end,
            expected_has_time=stay.expected_has_time, text=text, source_ref=source_ref,
        )  # fmt: skip
        _told(acting, "stays.discharge_announced", stay)
    return told


def discharge(
    acting: Acting,
    *,
    stay: Stay,
    ended_at: datetime,
    end_kind: str = Stay.End.HOME,
    has_time: bool = True,
    text: str = "",
    source_ref: str = "",
) -> Stay:
    """The end of the stay. A death is said here; the patient's identity says it with its own verb."""
    if end_kind not in Stay.End.values:
        raise Refused(_("Indiquez où va la personne à sa sortie."), "end_kind")
    _past(ended_at)
    with transaction.atomic():
        stay = _open(acting, stay)
        ended_at = _not_before_start(stay, ended_at, has_time)
        stay.ended_at, stay.ended_has_time, stay.end_kind = ended_at, has_time, end_kind
        stay.save(update_fields=["ended_at", "ended_has_time", "end_kind"])
        _move(
            acting,
            stay,
            Movement.Kind.DISCHARGE,
            at=ended_at,
            has_time=has_time,
            end_kind=end_kind,
            text=text,
            source_ref=source_ref,
        )
        _told(acting, "stays.discharged", stay, details={"end_kind": end_kind})
    return stay


def reopen(acting: Acting, *, stay: Stay, text: str = "", source_ref: str = "") -> Stay:
    """The discharge was told by mistake: she is still there. Raises `Refused` when another stay is open there."""
    try:
        with transaction.atomic():
            stay = _mine(acting, stay)
            if stay.cancelled_at:
                raise Refused(_("Ce séjour a été retiré."), "cancelled")
            if not stay.ended_at:
                return stay
            stay.ended_at, stay.ended_has_time, stay.end_kind = None, True, ""
            stay.save(update_fields=["ended_at", "ended_has_time", "end_kind"])
            said = text or _("La sortie annoncée est annulée.")
            _move(acting, stay, Movement.Kind.CORRECTION, at=timezone.now(), text=said, source_ref=source_ref)
            _told(acting, "stays.reopened", stay)
    except IntegrityError as e:
        if "stay_one_open" in str(e):
            raise Refused(_("Un autre séjour est ouvert dans cet établissement."), "already_open") from e
        raise
    return stay


def correct(
    acting: Acting, *, stay: Stay, started_at: datetime | None = None, has_time: bool | None = None,
    ward: str | None = None, room: str | None = None, entry_mode: str | None = None, ended_at: datetime | None = None,
    end_kind: str | None = None, text: str = "", source_ref: str = "",
) -> Stay:  # fmt: skip
    """Puts right what was entered; the movements keep what had been said."""
    with transaction.atomic():
        stay = _mine(acting, stay)
        if stay.cancelled_at:
            raise Refused(_("Ce séjour a été retiré."), "cancelled")
        if started_at is not None:
            _past(started_at)
            if stay.ended_at and started_at > (ended_at or stay.ended_at):
                raise Refused(_("L’entrée ne peut pas suivre la sortie."), "dates")
            stay.started_at = started_at
            stay.started_has_time = stay.started_has_time if has_time is None else has_time
            if stay.expected_end and stay.expected_end < started_at:
                stay.expected_end = None
        stay.ward = stay.ward if ward is None else _line(ward, 120)
        stay.room = stay.room if room is None else _line(room, 40)
        stay.entry_mode = stay.entry_mode if entry_mode is None else entry_mode
        if stay.ended_at:  # an end is corrected, never made here
            if ended_at is not None:
                _past(ended_at)
                stay.ended_at = _not_before_start(stay, ended_at, stay.ended_has_time)
            stay.end_kind = end_kind if end_kind in Stay.End.values else stay.end_kind
        stay.save(
            update_fields=[
                *(
                    "started_at",
                    "started_has_time",
                    "expected_end",
                    "ward",
                    "room",
                    "entry_mode",
                    "ended_at",
                    "end_kind",
                )
            ]
        )
        _move(acting, stay, Movement.Kind.CORRECTION, at=timezone.now(), text=text, source_ref=source_ref)
        _told(acting, "stays.corrected", stay)
    return stay


def cancel(acting: Acting, *, stay: Stay, text: str = "", source_ref: str = "") -> Stay:
    """Announced by mistake: it leaves the banner, its history stays."""
    with transaction.atomic():
        stay = _mine(acting, stay)
        if stay.cancelled_at:
            return stay
        stay.cancelled_at = timezone.now()
        stay.save(update_fields=["cancelled_at"])
        _move(acting, stay, Movement.Kind.CANCEL, at=stay.cancelled_at, text=text, source_ref=source_ref)
        _told(acting, "stays.cancelled", stay, reason=text)
    return stay


# --- Inside ---------------------------------------------------------------------------------------------------------
def _line(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest]


def _past(at: datetime) -> None:
    now = timezone.now()
    if at > now + SLACK:
        raise Refused(_("Cette date est dans l’avenir : annoncez-la le moment venu."), "future")
    if at < now - OLDEST:
        raise Refused(_("Cette date est trop ancienne. Vérifiez l’année."), "too_old")


def _coming(expected: datetime | None, *, after: datetime, today: bool = False) -> None:
    if expected is None:
        return
    if expected < after:
        raise Refused(_("La sortie annoncée ne peut pas précéder l’entrée."), "dates")
    now = timezone.now()
    if today and timezone.localdate(expected) < timezone.localdate(now):
        raise Refused(_("Cette date est passée : si la personne est sortie, notez la sortie."), "past")
    if expected > now + FARTHEST:
        raise Refused(_("Cette date est trop lointaine. Vérifiez l’année."), "too_far")


def _not_before_start(stay: Stay, at: datetime, has_time: bool) -> datetime:
    """With only a day known, the day of the entry is no contradiction."""
    if at >= stay.started_at:
        return at
    if timezone.localdate(at) == timezone.localdate(stay.started_at) and not (has_time and stay.started_has_time):
        return stay.started_at
    raise Refused(_("Cette date précède l’entrée dans l’établissement."), "dates")


def _same_circle(acting: Acting, stay: Stay) -> Stay:
    if stay.circle_id not in acting.circles:
        raise Refused(_("Cette référence de séjour est déjà utilisée."), "ref")
    return stay


def _mine(acting: Acting, stay: Stay) -> Stay:
    """The row, locked: two people may close the same stay at once."""
    return Stay.objects.select_for_update().get(pk=stay.pk, circle_id__in=acting.circles)


def _open(acting: Acting, stay: Stay) -> Stay:
    stay = _mine(acting, stay)
    if stay.cancelled_at:
        raise Refused(_("Ce séjour a été retiré."), "cancelled")
    if stay.ended_at:
        raise Refused(_("La sortie est déjà notée pour ce séjour."), "ended")
    return stay


def _move(
    acting: Acting,
    stay: Stay,
    kind: str,
    *,
    at: datetime,
    has_time: bool = True,
    text: str = "",
    source_ref: str = "",
    **more,
) -> Movement:
    return Movement.objects.create(
        stay=stay,
        kind=kind,
        at=at,
        has_time=has_time,
        ward=stay.ward,
        room=stay.room,
        text=text.strip()[:500],
        source=stay.source if acting.user_id is None else Source.MANUAL,
        source_ref=source_ref[:160],
        author_user_id=acting.user_id,
        author_role_id=acting.practice_role_id,
        author_name=(acting.actor_name or "")[:200],
        **more,
    )


def _told(
    acting: Acting, action: str, stay: Stay, kind: Kind = Kind.UPDATE, details: dict | None = None, reason: str = ""
) -> None:
    record(acting, action, on=stay, kind=kind, details=details, reason=reason[:500])
    push(f"circle:{stay.circle_id}")
