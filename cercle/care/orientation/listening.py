"""Who may hear that a desk changed: those who work there now. Names only travel."""

from cercle.people.accounts.models import User
from cercle.people.directory.models import PracticeRole


def still_open(user_id: str, organizations: set[str]) -> set[str]:
    practitioner = User.objects.filter(pk=user_id, is_active=True).values_list("practitioner_id", flat=True).first()
    if practitioner is None:
        return set()
    rows = PracticeRole.objects.filter(practitioner_id=practitioner, organization_id__in=organizations, ended_at=None)
    return {str(pk) for pk in rows.values_list("organization_id", flat=True)}
