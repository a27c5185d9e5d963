"""Who reads a structure's own pages: those who work there today; who changes them: its administrators."""

from dataclasses import dataclass

from django.http import Http404

from cercle.base.audit.record import ActingLike
from cercle.people.accounts.acting import person_acting
from cercle.people.accounts.context import current_role
from cercle.people.circles.desks import DeskRight, desk, enter_desk
from cercle.people.directory.models import Organization


@dataclass(frozen=True, slots=True)
class House:
    acting: ActingLike
    organization: Organization
    may_edit: bool


def enter_house(request, *, edit: bool = False) -> House:
    """404 without a structure in the current context; 403 to a colleague who wants to change it."""
    if edit:
        found = enter_desk(request, DeskRight.STRUCTURE)
        return House(found, found.organization, True)
    role = current_role(request)
    if role is None or role.organization is None:
        raise Http404
    found = desk(request)
    may_edit = found is not None and found.may(DeskRight.STRUCTURE)
    return House(found or person_acting(request), role.organization, may_edit)
