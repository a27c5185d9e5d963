"""What one person may know of the patients whose appointments she meets, in a constant number of statements.

The rule is that of circles/access.py (`reach`, `Acting.sees`), for many circles at once; a test holds them together.
"""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q

from cercle.people.circles import rights
from cercle.people.circles.access import Viewer
from cercle.people.circles.models import Circle, Member, Opposition
from cercle.people.circles.vocabulary import MemberKind, Permission
from cercle.people.patients.models import Coordinates, Identity

ORDER = {MemberKind.PRACTICE_ROLE: 0, MemberKind.TEAM: 1, MemberKind.PATIENT: 2, MemberKind.RELATIVE: 3}

MINE = """
SELECT circle_id FROM circles_member WHERE practice_role_id = %(role)s AND ended_at IS NULL
  AND started_at <= statement_timestamp() AND (until IS NULL OR until > statement_timestamp())
UNION SELECT circle_id FROM circles_member WHERE team_id = ANY(ARRAY(SELECT x.team_id FROM directory_teammember x
    JOIN directory_team t ON t.id = x.team_id WHERE x.practice_role_id = %(role)s AND x.ended_at IS NULL AND t.closed_at IS NULL))
  AND ended_at IS NULL AND started_at <= statement_timestamp() AND (until IS NULL OR until > statement_timestamp())
UNION SELECT circle_id FROM circles_member WHERE user_id = %(user)s AND kind IN ('relative', 'patient') AND ended_at IS NULL
  AND started_at <= statement_timestamp() AND (until IS NULL OR until > statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """Of one circle. `refused`: the person opposed this reader as a whole; `member` None: outside the circle."""

    circle_id: UUID
    refused: bool = False
    member: Member | None = None
    mask: int = 0
    readable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    targets: frozenset[UUID] = frozenset()
    identity: Identity | None = None
    coordinates: Coordinates | None = None

    @property
    def reads(self) -> bool:
        return self.member is not None and not self.refused and Permission.READ_AGENDA in self.permissions

    @property
    def name(self) -> str:
        return self.identity.full_name if self.reads and self.identity else ""

    def sees(self, row, user_id) -> bool:
        """`row`: anything with hidden, category, author_user_id and a key."""
        if not self.reads or row.pk in self.targets:
            return False
        if row.author_user_id and row.author_user_id == user_id:
            return True
        return not (row.hidden & self.mask) and row.category in self.readable


def of(viewer: Viewer, circle_ids) -> dict[UUID, Sight]:
    """Four statements at most, whatever the number of circles; none without circles."""
    wanted = {c for c in circle_ids if c}
    if not wanted:
        return {}
    circles = list(Circle.objects.filter(pk__in=wanted).only("pk", "canon_id", "crossed_at", "has_oppositions"))
    # Merged and reviewed: read through the surviving one.
    through = {c.pk: c.canon_id if c.crossed_at else c.pk for c in circles}
    roots = {c.pk: c.canon_id or c.pk for c in circles}
    members: dict[UUID, list[Member]] = defaultdict(list)
    found = Member.objects.filter(viewer.memberships(), circle_id__in=set(through.values()))
    for member in found.select_related("circle__patient__identity"):
        members[member.circle_id].append(member)
    oppositions: dict[UUID, list[Opposition]] = defaultdict(list)
    if any(c.has_oppositions for c in circles):
        asked = set(roots.values())
        rows = Opposition.objects.active().filter(
            Q(circle_id__in=asked) | Q(circle__canon_id__in=asked), viewer.opposed()
        )
        for row in rows.select_related("circle"):
            oppositions[row.circle.canon_id or row.circle_id].append(row)
    places = {c.patient_id: c for c in Coordinates.objects.filter(patient__in=list(members), superseded_at=None)}
    matrix = rights.current()
    seen = {}
    for circle in circles:
        refused, categories, targets = False, set(), set()
        for row in oppositions[roots[circle.pk]]:
            if row.target_id:
                targets.add(row.target_id)
            elif row.category:
                categories.add(row.category)
            else:
                refused = True
        mine = sorted(members[through[circle.pk]], key=lambda m: (ORDER.get(m.kind, 3), m.started_at))
        if not mine:
            seen[circle.pk] = Sight(circle.pk, refused=refused, targets=frozenset(targets))
            continue
        member = mine[0]
        profile = matrix.profiles[member.profile]
        seen[circle.pk] = Sight(
            circle.pk, refused=refused, member=member, mask=member.reader_mask,
            readable=profile.readable - categories, writable=profile.writable - categories,
            permissions=profile.permissions, targets=frozenset(targets), identity=member.circle.patient.identity,
            coordinates=places.get(member.circle_id),
        )  # fmt: skip
    return seen


def my_circles(viewer: Viewer) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(MINE, {"role": viewer.practice_role_id, "user": viewer.user_id})
        return [row[0] for row in cursor.fetchall()]
