"""The small steps that the verbs of the coordination file share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting, Viewer, in_force
from cercle.people.circles.desks import Desk, holds_files
from cercle.people.circles.models import Circle, ClientRef, Consent, Member, Opposition
from cercle.people.circles.vocabulary import LegalGround, MemberKind
from cercle.people.directory.models import Organization, PracticeRole, Team, TeamMember
from cercle.people.patients.models import Patient

from ..gates import is_opposed
from ..models import CoordinationFile, CoReferent, FileDraft, FileEvent
from ..vocabulary import EventKind, Level

LONGEST = 20_000  # characters of a sheet or a private note


@dataclass(frozen=True, slots=True)
class _Inside:
    """The desk (or the machine) at work in one circle: a DAC is a structure listed by L1110-12, 1°."""

    by: ActingLike
    circle: Circle

    member = None
    circle_id = property(lambda self: self.circle.pk)
    circles = property(lambda self: (self.circle.pk,))
    user_id = property(lambda self: self.by.user_id)
    practice_role_id = property(lambda self: self.by.practice_role_id)
    actor_name = property(lambda self: self.by.actor_name)
    actor_role = property(lambda self: self.by.actor_role)
    ground = property(lambda self: self.by.ground)
    opening = property(lambda self: self.by.opening)
    source = property(lambda self: self.by.source)


def inside(by: ActingLike, circle: Circle) -> Acting:
    """For the circle's verbs. A file brought together with another one is at work in the circle that is read."""
    return cast(Acting, _Inside(by, circle.canon if circle.crossed_at else circle))


def circle_for(desk: Desk, patient: Patient) -> Acting:
    circle = Circle.objects.select_related("canon").filter(pk=patient.pk).first()
    if circle is None:
        circle, _member = circles.open_circle(desk.viewer, patient=patient, ground=LegalGround.ESTABLISHMENT)
    return inside(desk, circle)


def same_person(patient: Patient) -> list[UUID]:
    """Her files brought together: rows do not move, they are asked for together."""
    root = patient.canonical_id
    return [root, *Patient.objects.filter(merged_into=root).values_list("pk", flat=True)]


# --- The file ----------------------------------------------------------------------------------------------------------


def locked(desk: Desk, file: CoordinationFile) -> CoordinationFile:
    """Opposition wins over every verb, whichever door it is called from."""
    row = (
        CoordinationFile.objects.select_for_update(of=("self",))
        .select_related("patient__circle__canon", "organization", "referent")
        .get(pk=file.pk, organization_id=desk.organization_id)
    )
    if is_opposed(desk, row):
        raise opposed()
    return row


def living(desk: Desk, file: CoordinationFile) -> CoordinationFile:
    row = locked(desk, file)
    if row.is_closed:
        raise Refused(_("Ce dossier est clos. Rouvrez-le pour y écrire."), "closed")
    return row


def opposed() -> Refused:
    return Refused(_("La personne s’est opposée à ce professionnel."), "opposed")


def event(by: ActingLike, file: CoordinationFile, kind: str, data: dict, at: datetime | None = None) -> FileEvent:
    return FileEvent.objects.create(
        file=file, kind=kind, at=at or timezone.now(), author_user_id=by.user_id, author_role_id=by.practice_role_id,
        author_name=by.actor_name[:200], data=data,
    )  # fmt: skip


def set_referent(by: ActingLike, row: CoordinationFile, referent: PracticeRole, said: dict) -> None:
    """A co-referent who becomes the referent is one thing only."""
    said = {"from": str(row.referent_id), "to": str(referent.pk), **said}
    row.referent = referent
    row.save(update_fields=["referent"])
    end_co_referents(by, row, referent)
    event(by, row, EventKind.REFERENT, said)
    details = {k: v for k, v in said.items() if k in ("to", "handover")}
    record(by, "coordination.referent_changed", on=row, circle_id=row.patient_id, details=details)
    tell(row)


def end_co_referents(by: ActingLike, row: CoordinationFile, *roles: PracticeRole, **said) -> int:
    """These, or all of them. Gives how many were."""
    rows = CoReferent.objects.filter(file=row, ended_at=None)
    ended = list(rows.filter(practice_role__in=roles) if roles else rows)
    for one in ended:
        one.ended_at = timezone.now()
        one.save(update_fields=["ended_at"])
        event(by, row, EventKind.CO_REFERENT_ENDED, {"who": str(one.practice_role_id), **said})
    return len(ended)


def tell(file: CoordinationFile) -> None:
    push(f"file:{file.pk}")


def forget_draft(desk: Desk, file: CoordinationFile, slot: str) -> None:
    FileDraft.objects.filter(user_id=desk.user_id, file_id=file.pk, slot=slot).delete()


def once(desk: Desk, where: UUID, ref: UUID | None, kind: str, made: UUID) -> UUID | None:
    """Claims the sender's name `ref` for `made`; gives the id of what a first send already made under that name."""
    if ref is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO circles_clientref (source, circle_ref, ref, kind, target_id) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [desk.user_id, where, f"{kind}:{ref}", kind, made],
        )
        if cursor.rowcount:
            return None
    return ClientRef.objects.get(source=desk.user_id, circle_ref=where, ref=f"{kind}:{ref}").target_id


# --- What is given ------------------------------------------------------------------------------------------------------


def check_level(level: int) -> None:
    if level not in Level.values:
        raise Refused(_("Choisissez un niveau de 1 à 3."), "level")


def of_structure(organization: Organization, *roles: PracticeRole) -> None:
    """A referent works there now, and may open the file she answers for."""
    for role in roles:
        if role.organization_id != organization.pk or role.ended_at:
            raise Refused(_("Le référent doit exercer dans la structure qui tient le dossier."), "referent")
        if not holds_files(role):
            raise Refused(_("Cette personne ne tient pas de dossiers dans la structure."), "referent")


def clean(text: str, *, empty: bool = False) -> str:
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


# --- Places in the circle -----------------------------------------------------------------------------------------------


def inform(at: Acting, informed_on: date | None, by: str, form: str) -> None:
    """Rule 3, inside the team: the person is told, and may oppose."""
    if informed_on:
        circles.record_consent(
            at, flow="information", given_by=by, form=form, given_on=informed_on, scope=_("appui à la coordination")
        )
    elif not Consent.objects.filter(circle=at.circle, withdrawn_at=None).exists():
        raise Refused(
            _("Notez le jour où la personne a été informée de l’appui : elle peut s’y opposer."), "information"
        )


def refusing(role: PracticeRole, found: Sequence[Circle]) -> set[UUID]:
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


def in_team(circle: Circle, team: Team) -> bool:
    return Member.objects.filter(in_force(), team=team, circle=circle).exists()


def join(at: Acting, role: PracticeRole, until: datetime | None = None) -> Member | None:
    """She is in the circle, by herself or by her team, for as long as she must; gives her own place when it had to be opened.

    A place that would end sooner (a former replacement) lasts as long as this one.
    """
    if refusing(role, [at.circle]):
        raise opposed()
    places = Member.objects.filter(in_force(), circle=at.circle)
    teams = TeamMember.objects.filter(practice_role=role, ended_at=None, team__closed_at=None).values("team_id")
    if places.filter(Q(until=None) | Q(until__gte=until) if until else Q(until=None), team_id__in=teams).exists():
        return None
    if own := Member.objects.filter(circle=at.circle, practice_role=role, ended_at=None).first():
        if own.until and (until is None or own.until < until):
            circles.set_until(at, member=own, until=until)
        return None
    return circles.add_member(
        at, practice_role=role, ground=LegalGround.ESTABLISHMENT, role=_("Appui à la coordination"), until=until
    )


def end_place(at: Acting, role: PracticeRole, reason: str) -> bool:
    """Her own place in this circle ends; False when she had none, or was the last professional: nobody is left alone."""
    mine = Member.objects.filter(
        circle=at.circle, kind=MemberKind.PRACTICE_ROLE, practice_role=role, ended_at=None
    ).first()
    return mine is not None and end_member(at, mine, reason)


def end_member(at: Acting, member: Member, reason: str) -> bool:
    try:
        circles.end_member(at, member=member, reason=reason)
    except Refused as refusal:
        if refusal.code != "last_member":
            raise
        return False
    return True


def leave(desk: Desk, row: CoordinationFile) -> None:
    """The structure's places in the circle end."""
    at = inside(desk, row.patient.circle)
    ours = Q(practice_role__organization=row.organization) | Q(team__organization=row.organization)
    for member in Member.objects.filter(ours, circle=at.circle, ended_at=None):
        end_member(at, member, _("fin de l’appui"))
