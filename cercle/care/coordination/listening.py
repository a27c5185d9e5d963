"""Who may still hear that a file moved: asked every few seconds of open screens."""

from uuid import UUID

from cercle.people.accounts.models import User
from cercle.people.circles.access import make_viewer
from cercle.people.circles.desks import DeskRight, desk_of
from cercle.people.directory.models import PracticeRole

from .models import CoordinationFile


def still_open(user_id: str, names: set[str]) -> set[str]:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not user.practitioner_id:
        return set()
    kept: set[str] = set()
    roles = PracticeRole.objects.filter(practitioner=user.practitioner_id, ended_at=None)
    for role in roles.select_related("practitioner", "organization"):
        found = desk_of(make_viewer(user, role))
        if found is not None and found.may(DeskRight.FILES):
            rows = (
                CoordinationFile.objects.of(found.organization)
                .not_opposed(found)
                .filter(pk__in=[UUID(n) for n in names])
            )
            kept |= {str(pk) for pk in rows.values_list("pk", flat=True)}
    return kept
