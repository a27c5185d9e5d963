"""A whole caseload passed on in one action: a replacement, which comes back by itself, or a departure.

A file whose person refused the colleague stays where it is, and its line says so. Each person is told of her new referent:
in Cercle when she has an account there, else by the letter or the call that someone notes on her line.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM, ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting
from cercle.people.circles.desks import Desk
from cercle.people.circles.models import Circle, Member
from cercle.people.directory.models import PracticeRole

from ..models import CoordinationFile, CoReferent, Handover, HandoverLine
from ..vocabulary import EventKind, HandoverEnd, HandoverReason, InformedHow
from .steps import (
    end_co_referents,
    end_member,
    end_place,
    event,
    inside,
    join,
    of_structure,
    once,
    refusing,
    set_referent,
)


def hand_over(
    desk: Desk, *, from_role: PracticeRole, to_role: PracticeRole, until: date | None = None, ref: UUID | None = None
) -> Handover:  # fmt: skip
    """With `until` (last day) it comes back by itself; without, it is a departure: she leaves every circle she was in.

    `ref`: sent twice, done once. Raises Refused: nothing to pass on, the same person, not of this structure, a day gone by.
    """
    of_structure(desk.organization, to_role)
    if from_role.organization_id != desk.organization_id:
        raise Refused(_("Cette personne n’exerce pas dans votre structure."), "from")
    if from_role.pk == to_role.pk:
        raise Refused(_("Choisissez une autre personne."), "same")
    if until and until < timezone.localdate():
        raise Refused(_("La date de retour est déjà passée."), "until_past")
    with transaction.atomic():
        made = uuid7()
        if kept := Handover.objects.filter(pk=once(desk, desk.organization.pk, ref, "handover", made)).first():
            return kept
        files = _caseload(desk, from_role)
        if not files:
            raise Refused(_("Cette personne n’a aucun dossier en cours."), "nothing")
        handover = Handover.objects.create(
            id=made, organization=desk.organization, from_role=from_role, to_role=to_role, until=until,
            reason=HandoverReason.LEAVE if until else HandoverReason.DEPARTURE, author_user_id=desk.user_id,
            author_role_id=desk.practice_role_id, author_name=desk.actor_name,
        )  # fmt: skip
        refused = refusing(to_role, [f.patient.circle for f in files])
        for file in files:
            if file.patient_id in refused:
                HandoverLine.objects.create(
                    handover=handover, file=file, kept="opposed", as_co_referent=file.referent_id != from_role.pk
                )
            else:
                _pass_on(desk, handover, file)
        if not until:
            handover.circles_left = _leave_other_circles(desk, from_role, files)
            handover.save(update_fields=["circles_left"])
        record(
            desk, "coordination.caseload_handed_over", on=handover,
            details={"files": len(files) - len(refused), "kept": len(refused), "until": until and str(until)},
        )  # fmt: skip
    return handover


def _caseload(desk: Desk, role: PracticeRole) -> list[CoordinationFile]:
    """Living files that she answers for, alone or beside a referent; locked."""
    beside = CoReferent.objects.filter(practice_role=role, ended_at=None).values("file_id")
    return list(
        CoordinationFile.objects.select_for_update(of=("self",))
        .of(desk.organization)
        .living()
        .filter(Q(referent=role) | Q(pk__in=beside))
        .select_related("patient__circle__canon")
        .order_by("pk")
    )


def _pass_on(desk: Desk, handover: Handover, file: CoordinationFile) -> None:
    at = inside(desk, file.patient.circle)
    from_role, to_role, until = handover.from_role, handover.to_role, handover.until
    said = {"handover": str(handover.pk), "until": until and str(until)}
    beside = file.referent_id != from_role.pk
    if beside and until and _is_beside(file, to_role):
        return  # both were there: one is away, the other still answers
    member = join(at, to_role, until=_end_of(until) if until else None)
    HandoverLine.objects.create(handover=handover, file=file, member=member, as_co_referent=beside)
    if not beside:
        set_referent(desk, file, to_role, said)
    elif not _is_beside(file, to_role):
        CoReferent.objects.create(file=file, practice_role=to_role)
        event(desk, file, EventKind.CO_REFERENT, {"who": str(to_role.pk), **said})
    if not until:
        end_co_referents(desk, file, from_role, **said)
        end_place(at, from_role, _("dossiers transmis"))


def _is_beside(file: CoordinationFile, role: PracticeRole) -> bool:
    return file.referent_id == role.pk or file.co_referents.filter(practice_role=role, ended_at=None).exists()


def _leave_other_circles(desk: Desk, role: PracticeRole, files: list[CoordinationFile]) -> int:
    """Circles of closed files, or joined without a file: whoever left sees nothing of them any more."""
    kept = {f.patient_id for f in files}  # passed on: left already; refused: she stays until somebody else is found
    places = Member.objects.filter(practice_role=role, ended_at=None).exclude(circle_id__in=kept)
    circles = Circle.objects.filter(pk__in=places.values("circle_id")).select_related("canon").order_by("pk")
    return sum(end_place(inside(desk, circle), role, _("départ de la structure")) for circle in circles)


# --- Coming back ---------------------------------------------------------------------------------------------------------


def end_handover(handover: Handover, *, by: ActingLike = SYSTEM) -> int:
    """Give the files back: at its end (job), or sooner when she is back. How many came back.

    A file that was given to a third person stays with her, unless she holds it as the replacement's own replacement. A file
    that cannot go back (its person refused her meanwhile, she left) stays with the replacement, for good.
    """
    with transaction.atomic():
        row = (
            Handover.objects.select_for_update(of=("self",))
            .select_related("from_role__organization", "to_role__organization")
            .get(pk=handover.pk)
        )
        if row.ended_at or not row.until:
            return 0
        lines = {x.file_id: x for x in row.lines.filter(given_back_at=None, kept="").select_related("member")}
        files = list(
            CoordinationFile.objects.select_for_update(of=("self",))
            .filter(pk__in=lines)
            .select_related("patient__circle__canon")
            .order_by("pk")
        )
        refused = refusing(row.from_role, [f.patient.circle for f in files])
        back = 0
        for file in files:
            gone = bool(row.from_role.ended_at) or file.patient_id in refused
            back += _give_back(by, row, lines[file.pk], file, gone)
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        record(by, "coordination.caseload_given_back", on=row, details={"files": back})
    return back


def _give_back(by: ActingLike, handover: Handover, line: HandoverLine, file: CoordinationFile, gone: bool) -> bool:
    at, said = inside(by, file.patient.circle), {"handover": str(handover.pk), "back": True}
    held, to_role = [line], handover.to_role
    if line.as_co_referent:
        still = file.co_referents.filter(practice_role=to_role, ended_at=None).exists()
    else:
        held += _lines_through(handover, file)
        still = file.referent_id == held[-1].handover.to_role_id
    if file.is_closed or not still:
        _end_lines([line], HandoverEnd.CLOSED if file.is_closed else HandoverEnd.GIVEN)
        return False
    if gone:
        _end_lines([line], HandoverEnd.STAYED)
        if not (to_role.ended_at or refusing(to_role, [at.circle])):
            join(at, to_role)
        return False
    join(at, handover.from_role)
    _end_lines(held, HandoverEnd.BACK)
    if line.as_co_referent:
        end_co_referents(by, file, to_role, **said)
    else:
        set_referent(by, file, handover.from_role, said)
    for one in held:
        if _is_open(one.member, at):
            end_member(at, one.member, _("retour du référent"))
    return True


def _is_open(member: Member | None, at: Acting) -> bool:
    """A place that a review of files brought together moved elsewhere is not looked for here."""
    return member is not None and member.ended_at is None and member.circle_id == at.circle_id


def _lines_through(handover: Handover, file: CoordinationFile) -> list[HandoverLine]:
    """The replacement's own replacements, in their order: they give back with her."""
    found: list[HandoverLine] = []
    holder, seen = handover.to_role_id, {handover.pk}
    while file.referent_id != holder:
        line = (
            HandoverLine.objects.filter(file=file, given_back_at=None, kept="", handover__from_role_id=holder)
            .exclude(handover_id__in=seen)
            .select_related("handover", "member")
            .first()
        )
        if line is None:
            return []
        found.append(line)
        seen.add(line.handover_id)
        holder = line.handover.to_role_id
    return found


def _end_lines(lines: Iterable[HandoverLine], how: str) -> None:
    for line in lines:
        line.given_back_at, line.ended_as = timezone.now(), how
        line.save(update_fields=["given_back_at", "ended_as"])


def prolong(desk: Desk, *, handover: Handover, until: date) -> Handover:
    """A leave that lasts longer, or less: the last day moves, and the places in the circles with it."""
    if until < timezone.localdate():
        raise Refused(_("La date de retour est déjà passée."), "until_past")
    with transaction.atomic():
        row = Handover.objects.select_for_update(of=("self",)).get(pk=handover.pk, organization=desk.organization)
        if row.ended_at or not row.until:
            raise Refused(_("Ce remplacement est terminé."), "ended")
        if row.until == until:
            return row
        row.until = until
        row.save(update_fields=["until"])
        lines = row.lines.filter(given_back_at=None, kept="").select_related("file__patient__circle__canon", "member")
        for line in lines:
            at = inside(desk, line.file.patient.circle)
            if _is_open(line.member, at):
                circles.set_until(at, member=line.member, until=_end_of(until))
        record(desk, "coordination.handover_prolonged", on=row, details={"until": str(until)})
    return row


# --- Telling the person --------------------------------------------------------------------------------------------------


def note_informed(
    desk: Desk, *, handover: Handover, line_ids: Iterable[UUID], how: str, on: date | None = None
) -> int:  # fmt: skip
    """Somebody called these people, or sent them the letter. How many were noted; who was told already is left as it is."""
    if how not in (InformedHow.LETTER, InformedHow.SPOKEN):
        raise Refused(_("Dites comment la personne a été prévenue."), "how")
    on = on or timezone.localdate()
    if on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    with transaction.atomic():
        rows = list(
            HandoverLine.objects.select_for_update(of=("self",))
            .filter(handover=handover, handover__organization=desk.organization, pk__in=list(line_ids))
            .filter(informed_on=None, kept="")
            .select_related("file__patient")
        )
        for line in rows:
            line.informed_on, line.informed_how, line.informed_by = on, how, desk.actor_name[:200]
            line.save(update_fields=["informed_on", "informed_how", "informed_by"])
            record(
                desk, "coordination.person_informed", on=line.file, circle_id=line.file.patient_id,
                details={"handover": str(handover.pk), "how": how},
            )  # fmt: skip
    return len(rows)


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time(0)))
