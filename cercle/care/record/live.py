"""What open screens ask every few seconds, and the rail's counter."""

import time
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


# The rail shows the number on every page; asking all my circles each time would cost a desk of 2,000 more than the page.
KEPT = 30.0  # seconds, per process
_counts: dict[tuple, tuple[float, int]] = {}


def unread_circles(request) -> int:
    """Circles with something to read; at most half a minute old, and fresh after one's own reading."""
    viewer = viewer_of(request)
    key, now = (viewer.user_id, viewer.practice_role_id), time.monotonic()
    kept = _counts.get(key)
    if kept and now - kept[0] < KEPT and not hasattr(request, "_marks"):
        return kept[1]
    if len(_counts) > 20_000:
        _counts.clear()
    count = sum(m.unread for m in marks_of(request))
    _counts[key] = (now, count)
    return count


def remember_count(viewer, count: int) -> None:
    """The list has just counted."""
    _counts[viewer.user_id, viewer.practice_role_id] = (time.monotonic(), count)


def forget_count(viewer) -> None:
    _counts.pop((viewer.user_id, viewer.practice_role_id), None)


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
