"""Who may do what to accounts. None of this opens a patient: circles do, and never to support."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from cercle.people.directory.models import Organization, PracticeRole

from .models import Kind, StructureAdmin, User


def structures_of(user: User) -> QuerySet[Organization]:
    """The structures whose accounts she administers."""
    return Organization.objects.filter(administrators__user=user, administrators__until__isnull=True).order_by("sort")


def is_operator(user: User) -> bool:
    return user.kind == Kind.OPERATOR


def is_support(user: User) -> bool:
    """Support acts on accounts without reading anything else; an operator may do what support does."""
    return user.kind in {Kind.SUPPORT, Kind.OPERATOR}


def structure_for(user: User, organization_id: UUID) -> Organization:
    """The structure, if she administers it or runs the region; 404 otherwise, whether it exists or not."""
    found = Organization.objects.filter(pk=organization_id)
    if not is_operator(user):
        found = found.filter(administrators__user=user, administrators__until__isnull=True)
    organization = found.first()
    if organization is None:
        raise Http404
    return organization


def people_of(organization: Organization) -> QuerySet[User]:
    """Accounts that work in the structure, or administer it."""
    return User.objects.filter(
        Q(practitioner__in=PracticeRole.objects.open().filter(organization=organization).values("practitioner"))
        | Q(pk__in=StructureAdmin.objects.open().filter(organization=organization).values("user"))
    )


def account_for(user: User, organization: Organization, account_id: UUID) -> User:
    account = people_of(organization).filter(pk=account_id).first()
    if account is None:
        raise Http404
    return account


def may_confirm_recovery(user: User, account: User) -> bool:
    """Someone else, who administers a structure where the person works; the operator for the others."""
    if user.pk == account.pk:
        return False
    if is_operator(user):
        return True
    return any(people_of(o).filter(pk=account.pk).exists() for o in structures_of(user))
