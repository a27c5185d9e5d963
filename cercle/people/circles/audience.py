"""Who of a circle may be told of a thing. Every person passes the same gate as on screen: no second rule to keep right."""

from collections.abc import Iterator
from uuid import UUID

from cercle.base.common import fast
from cercle.base.common.prepared import prepared
from cercle.base.notifications.rules import Relation
from cercle.people.accounts.models import User
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

from .access import Acting, Everyone, make_viewer, reach
from .models import Circle
from .vocabulary import Ground, MemberKind


def people(circle_id: UUID) -> Iterator[tuple[User, Acting]]:
    """Everyone with an account who is in the circle now, once each, with what they are in it."""
    everyone = Everyone(circle_id)
    roles = [m.practice_role_id for m in everyone.members if m.kind == MemberKind.PRACTICE_ROLE]
    roles += [role for _team, role in everyone.in_team]
    persons = [m.user_id for m in everyone.members if m.user_id]
    seen: set[UUID] = set()
    for user, role in _accounts(roles, persons):
        if user.pk in seen:
            continue
        acting = reach(make_viewer(user, role, source="job"), circle_id, among=everyone)
        if acting is not None:
            seen.add(user.pk)
            yield user, acting


# Each note of each circle asks it (base/common/fast.py). Those who act by a practice come before those who are there themselves.
ACCOUNTS = f"""
SELECT {fast.columns(User, "u")}, {fast.columns(PracticeRole, "r")}, {fast.columns(Practitioner, "p")}, {fast.columns(Organization, "o")}
FROM directory_practicerole r JOIN directory_practitioner p ON p.id = r.practitioner_id
  JOIN accounts_user u ON u.practitioner_id = p.id AND u.is_active LEFT JOIN directory_organization o ON o.id = r.organization_id
WHERE r.id = ANY(%(roles)s::uuid[])
"""
PERSONS = f"SELECT {fast.columns(User, 'u')} FROM accounts_user u WHERE u.id = ANY(%(persons)s::uuid[]) AND u.is_active"


def _accounts(roles: list[UUID], persons: list[UUID]) -> list[tuple[User, PracticeRole | None]]:
    found: list[tuple[User, PracticeRole | None]] = []
    with prepared() as cursor:
        if roles:
            cursor.execute(ACCOUNTS, {"roles": roles})
            for row in cursor.fetchall():
                user, role, practitioner, organization = fast.several(
                    (User, PracticeRole, Practitioner, Organization), row
                )
                role.practitioner, role.organization = practitioner, organization
                found.append((user, role))
        if persons:
            cursor.execute(PERSONS, {"persons": persons})
            found += [(fast.take(User, row), None) for row in cursor.fetchall()]  # type: ignore[misc]
    return found


def relations(acting: Acting, lead_member_id: UUID | None) -> set[Relation]:
    found = {Relation.PERSON if acting.ground in (Ground.PERSON, Ground.RELATIVE) else Relation.MEMBER}
    if acting.member is not None and acting.member.pk == lead_member_id:
        found.add(Relation.LEAD)
    return found


def told(circle_id: UUID, *, but: UUID | None = None) -> dict[UUID, set[Relation]]:
    """For facts that everyone in the circle may know; `but`: whoever did it."""
    lead = Circle.objects.values_list("lead_id", flat=True).get(pk=circle_id)
    return {user.pk: relations(acting, lead) for user, acting in people(circle_id) if user.pk != but}
