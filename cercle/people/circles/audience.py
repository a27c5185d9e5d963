"""Who of a circle may be told of a thing. Every person passes the same gate as on screen: no second rule to keep right."""

from collections.abc import Iterator
from uuid import UUID

from cercle.base.notifications.rules import Relation
from cercle.people.accounts.models import User
from cercle.people.directory.models import PracticeRole

from .access import Acting, Everyone, in_force, make_viewer, reach
from .models import Circle, Member
from .vocabulary import Ground, MemberKind


def people(circle_id: UUID) -> Iterator[tuple[User, Acting]]:
    """Everyone with an account who is in the circle now, once each, with what they are in it."""
    members = Member.objects.filter(in_force(), circle_id=circle_id).select_related(
        "practice_role__practitioner__user", "practice_role__organization", "user"
    )
    everyone = Everyone(circle_id)
    roles: list[tuple[User, PracticeRole | None]] = []
    for m in members:
        if m.kind == MemberKind.PRACTICE_ROLE and (user := getattr(m.practice_role.practitioner, "user", None)):
            roles.append((user, m.practice_role))
        elif m.user_id:
            roles.append((m.user, None))
    for row in everyone.team_rows:
        if user := getattr(row.practice_role.practitioner, "user", None):
            roles.append((user, row.practice_role))
    seen: set[UUID] = set()
    for user, role in roles:
        if user.pk in seen or not user.is_active:
            continue
        acting = reach(make_viewer(user, role, source="job"), circle_id, among=everyone)
        if acting is not None:
            seen.add(user.pk)
            yield user, acting


def relations(acting: Acting, lead_member_id: UUID | None) -> set[Relation]:
    found = {Relation.PERSON if acting.ground in (Ground.PERSON, Ground.RELATIVE) else Relation.MEMBER}
    if acting.member is not None and acting.member.pk == lead_member_id:
        found.add(Relation.LEAD)
    return found


def told(circle_id: UUID, *, but: UUID | None = None) -> dict[UUID, set[Relation]]:
    """For facts that everyone in the circle may know; `but`: whoever did it."""
    lead = Circle.objects.values_list("lead_id", flat=True).get(pk=circle_id)
    return {user.pk: relations(acting, lead) for user, acting in people(circle_id) if user.pk != but}
