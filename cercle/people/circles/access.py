"""The gates: the only ways to a patient, and what each one lets through.

`enter()` answers 404 to whoever is outside (before any form is read), 403 to the wrong role, and gives an `Acting`: who, in
which practice, as which member, on which ground. Everything below asks the `Acting`, nothing asks the request.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import IntegerField, Lookup, Q
from django.http import Http404
from django.utils import timezone

from cercle.base.audit.record import Kind, record
from cercle.base.common import fast
from cercle.base.common.prepared import prepared
from cercle.people.accounts.context import current_role
from cercle.people.directory.models import TeamMember
from cercle.people.patients.models import Contact, Identity, Patient
from cercle.people.patients.relationships import Relationship

from . import rights
from .models import BreakGlass, Circle, CircleCounter, Member, Opposition
from .vocabulary import Ground, MemberKind, Permission, Reader


@IntegerField.register_lookup
class ClearOf(Lookup):
    """`hidden__clear_of=mask`: no bit in common."""

    lookup_name = "clear_of"

    def as_sql(self, compiler, connection):
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"({left} & {right}) = 0", (*left_params, *right_params)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Someone signed in, before any circle: who and in which practice. Lists start here."""

    user_id: uuid.UUID | None
    practice_role_id: uuid.UUID | None = None
    practitioner_id: uuid.UUID | None = None
    organization_id: uuid.UUID | None = None
    profession: str = ""  # "TRE_G15:60"
    profile: str = ""
    actor_name: str = ""
    actor_role: str = ""
    source: str = "web"
    user: Any = None
    practice_role: Any = None
    # A person-level act has no circle; the names below make a Viewer an `ActingLike` for the journal.
    ground: str = ""
    circle_id: uuid.UUID | None = None
    opening: uuid.UUID | None = None

    def opposed(self) -> Q:
        """Oppositions that name this person, by any of her names."""
        found = Q(user_id=self.user_id) if self.user_id else Q(pk=None)
        if self.practitioner_id:
            found |= Q(practitioner_id=self.practitioner_id)
        if self.organization_id:
            found |= Q(organization_id=self.organization_id)
        if self.profession:
            found |= Q(profession=self.profession)
        return found

    def is_opposed_by(self, row: Opposition) -> bool:
        """`opposed()` in memory."""
        return bool(
            (row.user_id and row.user_id == self.user_id)
            or (row.practitioner_id and row.practitioner_id == self.practitioner_id)
            or (row.organization_id and row.organization_id == self.organization_id)
            or (row.profession and row.profession == self.profession)
        )

    def memberships(self) -> Q:
        """Open memberships that this person acts through: her practice, her teams, or herself."""
        mine = (
            Q(user_id=self.user_id, kind__in=(MemberKind.RELATIVE, MemberKind.PATIENT)) if self.user_id else Q(pk=None)
        )
        if self.practice_role_id:
            teams = TeamMember.objects.filter(
                practice_role_id=self.practice_role_id, ended_at=None, team__closed_at=None
            ).values("team_id")
            mine |= Q(practice_role_id=self.practice_role_id) | Q(team_id__in=teams)
        return mine & in_force()


def in_force(prefix: str = "") -> Q:
    """A membership that counts now. Always with `ended_at is null`: the partial indexes need it."""
    now = timezone.now()
    return (
        Q(**{f"{prefix}ended_at": None})
        & Q(**{f"{prefix}started_at__lte": now})
        & (Q(**{f"{prefix}until": None}) | Q(**{f"{prefix}until__gt": now}))
    )


@dataclass(frozen=True, slots=True)
class Acting:
    """One person at work in one circle. Made by a gate only."""

    viewer: Viewer
    circle: Circle
    circles: tuple[uuid.UUID, ...]
    member: Member | None
    ground: str
    profile: rights.Profile
    mask: int
    readable: frozenset[str]
    writable: frozenset[str]
    permissions: frozenset[str]
    opposed_targets: frozenset[uuid.UUID] = frozenset()
    opening: uuid.UUID | None = None
    break_glass: BreakGlass | None = None

    user_id = property(lambda self: self.viewer.user_id)
    user = property(lambda self: self.viewer.user)
    practice_role_id = property(lambda self: self.viewer.practice_role_id)
    practice_role = property(lambda self: self.viewer.practice_role)
    actor_name = property(lambda self: self.viewer.actor_name)
    actor_role = property(lambda self: self.viewer.actor_role)
    source = property(lambda self: self.viewer.source)
    circle_id = property(lambda self: self.circle.patient_id)
    patient = property(lambda self: self.circle.patient)

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def sees(self, *, hidden: int, category: str, author_user_id=None, target_id=None) -> bool:
        """The rule of one row, in Python; `visible_to` says the same in SQL (a property test holds them together)."""
        if target_id in self.opposed_targets:
            return False
        if author_user_id and author_user_id == self.user_id:
            return True
        return not (hidden & self.mask) and category in self.readable


def viewer_of(request) -> Viewer:
    """Cheap: one query at most, kept on the request."""
    if found := getattr(request, "_viewer", None):
        return found
    user = request.user
    role = current_role(request)
    found = make_viewer(user, role)
    request._viewer = found
    return found


def make_viewer(user, role=None, source: str = "web") -> Viewer:
    if role is None:
        return Viewer(
            user_id=user.pk,
            user=user,
            actor_name=user.get_full_name(),
            actor_role=user.get_kind_display(),
            source=source,
        )
    return Viewer(
        user_id=user.pk if user else None,
        user=user,
        practice_role_id=role.pk,
        practice_role=role,
        practitioner_id=role.practitioner_id,
        organization_id=role.organization_id,
        profession=f"{role.profession_system}:{role.profession}",
        profile=rights.current().profile_of(role.profession_system, role.profession).code,
        actor_name=role.practitioner.display_name,
        actor_role=described(role),
        source=source,
    )


def described(role) -> str:
    """« Infirmière libérale · Cabinet de la Madeleine »"""
    return f"{role.french_label} · {role.organization.display_name}" if role.organization_id else role.french_label


def relation_label(contact: Contact) -> str:
    """« fille », « voisin(e) »: how the relative signs."""
    known = contact.relationship in Relationship.values
    return str(Relationship(contact.relationship).label).lower() if known else ""


def enter(request, circle_id, permission: Permission, *, opening=None) -> Acting:
    """The gate of screens. Raises Http404 to outsiders and PermissionDenied to the wrong role; both are traced."""
    viewer = viewer_of(request)
    acting = reach(viewer, circle_id, opening=opening)
    if acting is None:
        if Circle.objects.filter(pk=circle_id).exists():
            record(viewer, "circles.refused", kind=Kind.READ, circle_id=circle_id, outcome="refused")
        raise Http404
    if not acting.may(permission):
        record(acting, "circles.refused", kind=Kind.READ, details={"permission": str(permission)}, outcome="refused")
        raise PermissionDenied
    request.acting = acting
    return acting


def reach(viewer: Viewer, circle_id, *, opening=None, among: "Everyone | None" = None) -> Acting | None:
    """What this person is in that circle, or None. Membership first, then an emergency opening.

    `among`: the circle's members, read once for many persons.
    """
    if viewer.user_id is None and viewer.practice_role_id is None:
        return None
    found = among.memberships(viewer) if among is not None else _memberships(viewer, circle_id)
    if found:
        member = found[0]
        circle = member.circle
        if circle.crossed_at:
            # Merged and reviewed: this circle is read through the surviving one.
            return reach(viewer, circle.canon_id, opening=opening)
        profile = rights.current().profiles[member.profile]
        ground = {
            MemberKind.PRACTICE_ROLE: Ground.MEMBER,
            MemberKind.TEAM: Ground.TEAM,
            MemberKind.RELATIVE: Ground.RELATIVE,
            MemberKind.PATIENT: Ground.PERSON,
        }[member.kind]
        # Among all of a circle nobody signs: her word for herself is not looked up.
        if among is None and member.kind == MemberKind.RELATIVE and member.contact:
            viewer = replace(viewer, actor_role=relation_label(member.contact) or profile.label)
        acting = _acting(
            viewer, circle, profile, ground=ground, member=member, mask=member.reader_mask, opening=opening
        )
    else:
        acting = _reach_by_break_glass(viewer, circle_id, opening)
    return acting and _opposed(acting)


def enter_identity_queue(request) -> Viewer:
    """The gate of the identity queue: strict traits of resembling files, nothing of their circles.

    The regional operator only: a pair may hold files of any structure. Raises PermissionDenied; the refusal is traced.
    """
    viewer = replace(viewer_of(request), ground=str(Ground.IDENTITY_QUEUE))
    if not may_keep_identities(request):
        record(viewer, "circles.refused", kind=Kind.READ, details={"permission": "identity_queue"}, outcome="refused")
        raise PermissionDenied
    return viewer


def may_keep_identities(request) -> bool:
    return getattr(request.user, "kind", "") == "operator" and request.user.is_active


# `Viewer.memberships()` in one hand-written join: every page of a patient asks it (base/common/fast.py). Her own membership
# speaks before her team's, then what she is to the person.
OPEN = f"""
SELECT {fast.columns(Member, "m")}, {fast.columns(Circle, "c")}, {fast.columns(CircleCounter, "k")}, {fast.columns(Patient, "p")},
  {fast.columns(Identity, "i")}
FROM circles_member m JOIN circles_circle c ON c.patient_id = m.circle_id JOIN circles_circlecounter k ON k.circle_id = m.circle_id
  JOIN patients_patient p ON p.id = m.circle_id JOIN patients_identity i ON i.id = p.identity_id
WHERE m.circle_id = %(circle)s AND m.ended_at IS NULL AND m.started_at <= statement_timestamp()
  AND (m.until IS NULL OR m.until > statement_timestamp())
"""
GATE = f"""{OPEN}
  AND (m.practice_role_id = %(role)s OR (m.user_id = %(user)s AND m.kind IN ('relative', 'patient')) OR m.team_id IN (
    SELECT x.team_id FROM directory_teammember x JOIN directory_team t ON t.id = x.team_id
    WHERE x.practice_role_id = %(role)s AND x.ended_at IS NULL AND t.closed_at IS NULL))
ORDER BY CASE m.kind WHEN 'practice_role' THEN 0 WHEN 'team' THEN 1 WHEN 'patient' THEN 2 ELSE 3 END, m.started_at
"""

TEAMS = """SELECT x.team_id, x.practice_role_id FROM directory_teammember x JOIN directory_team t ON t.id = x.team_id
WHERE x.team_id = ANY(%(teams)s::uuid[]) AND x.ended_at IS NULL AND t.closed_at IS NULL"""


def _memberships(viewer: Viewer, circle_id) -> list[Member]:
    with prepared() as cursor:
        cursor.execute(GATE, {"circle": circle_id, "role": viewer.practice_role_id, "user": viewer.user_id})
        return _members(cursor.fetchall())


class Everyone:
    """The open members of one circle, read in two statements: the gate then opens for each without a statement."""

    ORDER = {MemberKind.PRACTICE_ROLE: 0, MemberKind.TEAM: 1, MemberKind.PATIENT: 2, MemberKind.RELATIVE: 3}

    def __init__(self, circle_id):
        with prepared() as cursor:
            cursor.execute(OPEN, {"circle": circle_id})
            self.members = _members(cursor.fetchall())
            self.in_team: set[tuple[uuid.UUID, uuid.UUID]] = set()
            if teams := [m.team_id for m in self.members if m.team_id]:
                cursor.execute(TEAMS, {"teams": teams})
                self.in_team = set(cursor.fetchall())

    def memberships(self, viewer: Viewer) -> list[Member]:
        """As GATE says it."""
        found = [
            m
            for m in self.members
            if (m.practice_role_id and m.practice_role_id == viewer.practice_role_id)
            or (m.kind in (MemberKind.RELATIVE, MemberKind.PATIENT) and m.user_id and m.user_id == viewer.user_id)
            or (m.team_id and (m.team_id, viewer.practice_role_id) in self.in_team)
        ]
        return sorted(found, key=lambda m: (self.ORDER.get(m.kind, 3), m.started_at))


def _members(rows) -> list[Member]:
    found = []
    for row in rows:
        member, circle, counter, patient, identity = fast.several(
            (Member, Circle, CircleCounter, Patient, Identity), row
        )
        member.circle, circle.counter, circle.patient, patient.identity = circle, counter, patient, identity
        found.append(member)
    return found


def reach_as_feed(client, circle_id, *, source: str) -> Acting | None:
    """A connector acts where it is a member (or fed the circle open), unless the person opposed its structure."""
    member = (
        Member.objects.filter(in_force(), circle_id=circle_id, api_client=client)
        .select_related("circle__patient__identity", "circle__counter")
        .first()
    )
    if member is None:
        return None
    profile = rights.current().profiles["connector"]
    viewer = Viewer(
        user_id=None,
        organization_id=client.organization_id,
        actor_name=client.name,
        actor_role="connecteur",
        source=source,
    )
    return _opposed(
        _acting(viewer, member.circle, profile, ground=Ground.FEED, member=member, mask=int(Reader.CONNECTOR))
    )


def _reach_by_break_glass(viewer: Viewer, circle_id, opening) -> Acting | None:
    if (
        not viewer.practice_role_id
        or Permission.BREAK_GLASS not in rights.current().profiles[viewer.profile].permissions
    ):
        return None
    row = (
        BreakGlass.objects.filter(
            user_id=viewer.user_id, practice_role_id=viewer.practice_role_id, circle_id=circle_id,
            closed_at=None, expires_at__gt=timezone.now(),
        )
        .select_related("circle__patient__identity", "circle__counter")
        .first()
    )  # fmt: skip
    if row is None:
        return None
    profile = rights.current().profiles[viewer.profile]
    acting = _acting(
        viewer, row.circle, profile, ground=Ground.BREAK_GLASS, member=None,
        mask=profile.mask | int(Reader.BREAK_GLASS), opening=opening,
    )  # fmt: skip
    # Enough to care and to leave a word; not to change the circle.
    kept = {
        Permission.READ_CIRCLE,
        Permission.READ_NOTEBOOK,
        Permission.READ_IDENTITY,
        Permission.READ_ESSENTIALS,
        Permission.WRITE_NOTE,
    }
    return replace(acting, permissions=profile.permissions & kept, break_glass=row)


def _acting(viewer, circle, profile, *, ground, member, mask, opening=None) -> Acting:
    circles = (circle.patient_id,)
    if circle.has_absorbed:
        crossed = Circle.objects.filter(canon=circle, crossed_at__isnull=False).values_list("pk", flat=True)
        circles += tuple(crossed)
    return Acting(
        viewer=viewer,
        circle=circle,
        circles=circles,
        member=member,
        ground=str(ground),
        profile=profile,
        mask=mask,
        readable=profile.readable,
        writable=profile.writable,
        permissions=profile.permissions,
        opening=opening or uuid.uuid4(),
    )


def _opposed(acting: Acting) -> Acting | None:
    """Opposition wins over every path (rule 4)."""
    if not acting.circle.has_oppositions:
        return acting
    categories, targets = set(), set()
    for row in oppositions_of(acting.circle):
        if not acting.viewer.is_opposed_by(row):
            continue
        if row.target_id:
            targets.add(row.target_id)
        elif row.category:
            categories.add(row.category)
        else:
            return None
    if not (categories or targets):
        return acting
    hanging = {pk for find in _hanging for pk in find(targets)} if targets else set()
    return replace(
        acting,
        readable=acting.readable - categories,
        writable=acting.writable - categories,
        opposed_targets=frozenset(targets | hanging),
    )


def oppositions_of(circle: Circle) -> list[Opposition]:
    """Those in force, read once for this instance of the circle: the gate and the receipts ask the same."""
    if not circle.has_oppositions:
        return []
    if not hasattr(circle, "_oppositions"):
        circle._oppositions = list(Opposition.objects.active().of(circle))
    return circle._oppositions


_hanging: list[Callable[[set[uuid.UUID]], Iterable[uuid.UUID]]] = []


def hangs_on(find: Callable[[set[uuid.UUID]], Iterable[uuid.UUID]]) -> None:
    """`find(ids)`: the rows that say what these say (answers to a note). Who may not see these sees none of those."""
    _hanging.append(find)


_refusable: list[Callable[[Acting, uuid.UUID], bool]] = []


def refusable(sees: Callable[[Acting, uuid.UUID], bool]) -> None:
    """`sees(acting, id)`: is it a row of this app, in this circle, that she sees? Only such a thing can be refused to someone."""
    _refusable.append(sees)


def may_be_refused(acting: Acting, target_id: uuid.UUID) -> bool:
    return any(sees(acting, target_id) for sees in _refusable)


def visible_rows(acting: Acting, *, author: str = "author_user_id") -> Q:
    """The filter of any clinical table with `circle`, `hidden`, `category` and an author's user."""
    seen = Q(hidden__clear_of=acting.mask, category__in=acting.readable)
    if acting.user_id:
        seen |= Q(**{author: acting.user_id})
    rows = Q(circle_id=acting.circles[0]) if len(acting.circles) == 1 else Q(circle_id__in=acting.circles)
    rows &= seen
    if acting.opposed_targets:
        rows &= ~Q(pk__in=acting.opposed_targets)
    return rows


BREAK_GLASS_LASTS = timedelta(hours=24)
