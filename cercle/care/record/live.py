"""What open screens ask every few seconds, and the rail's counter."""

from uuid import UUID

from cercle.people.accounts.models import User
from cercle.people.circles.access import make_viewer, reach, viewer_of
from cercle.people.directory.models import PracticeRole

from . import lists


def marks_of(request) -> list[lists.Mark]:
    """My circles with their marks, once a request."""
    marks = getattr(request, "_marks", None)
    if marks is None:
        marks = request._marks = lists.marks(viewer_of(request)) if request.user.is_authenticated else []
    return marks


def unread_circles(request) -> int:
    """Circles with something to read."""
    return sum(m.unread for m in marks_of(request))


def still_open(user_id: str, names) -> set[str]:
    """Of these circle ids, those that this person may still see, in any of her contexts or by an emergency opening."""
    user = User.objects.select_related("practitioner").filter(pk=user_id, is_active=True).first()
    if user is None:
        return set()
    wanted = {UUID(name): name for name in names}
    allowed: set[UUID] = set()
    roles: list = [None]
    if user.practitioner_id:
        roles = list(
            PracticeRole.objects.filter(practitioner=user.practitioner_id, ended_at=None).select_related(
                "practitioner", "organization"
            )
        ) or [None]
    for role in roles:
        viewer = make_viewer(user, role)
        missing = [c for c in wanted if c not in allowed]
        if not missing:
            break
        allowed |= lists.still_mine(viewer, missing)
        for circle_id in [c for c in missing if c not in allowed][:5]:
            if reach(viewer, circle_id):
                allowed.add(circle_id)
    return {wanted[c] for c in allowed}
