"""Who reads figures: a structure's coordinators and administrators, theirs; the region's operator, all, without any list."""

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404

from cercle.base.audit.record import ActingLike
from cercle.people.accounts.acting import person_acting
from cercle.people.accounts.rights import is_operator
from cercle.people.circles.desks import DAC, Desk, DeskRight, enter_desk
from cercle.people.directory.models import Organization


@dataclass(frozen=True, slots=True)
class Reader:
    acting: ActingLike
    organization: Organization | None  # None: the whole region
    is_region: bool
    desk: Desk | None = None

    @property
    def organizations(self) -> tuple[UUID, ...] | None:
        return (self.organization.pk,) if self.organization else None

    @property
    def may_list(self) -> bool:
        """Names of patients: one's own structure, and the right to its files."""
        return self.desk is not None and self.desk.may(DeskRight.FILES)


def enter_figures(request) -> Reader:
    if request.user.is_authenticated and is_operator(request.user):
        wanted = request.GET.get("structure", "")
        organization = None
        if wanted:
            try:
                organization = Organization.objects.filter(pk=UUID(wanted), category=DAC).first()
            except ValueError:
                organization = None
            if organization is None:
                raise Http404
        return Reader(person_acting(request), organization, True)
    found = enter_desk(request, DeskRight.STEERING)
    return Reader(found, found.organization, False, found)
