"""Who acts on the directory, and who may change it.

Accounts stand above this app: what only they know (the context of exercise, who administers what) they install
here from their `AppConfig.ready`. Until then the rules below read the signed-in user alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from cercle.base.audit.record import ActingLike
from cercle.people.directory.models import Organization


@dataclass(frozen=True)
class Reader:
    """A signed-in person in the directory: no circle, no patient."""

    user_id: UUID | None
    practice_role_id: UUID | None = None
    actor_name: str = ""
    actor_role: str = ""
    ground: str = "directory"
    circle_id: UUID | None = None
    opening: UUID | None = None
    source: str = "web"


def _acting(request: HttpRequest) -> ActingLike:
    return Reader(user_id=request.user.pk, actor_name=str(request.user), actor_role=getattr(request.user, "kind", ""))


def _administers(request: HttpRequest, organization: Organization) -> bool:
    """The structure's administrator (accounts.StructureAdmin, seen from here as `organization.administrators`)."""
    administrators = getattr(organization, "administrators", None)
    return administrators is not None and administrators.filter(user_id=request.user.pk, until=None).exists()


_installed: dict[str, Callable] = {"acting": _acting, "administers": _administers}


def install(*, acting: Callable[[HttpRequest], ActingLike], administers: Callable | None = None) -> None:
    _installed["acting"] = acting
    if administers is not None:
        _installed["administers"] = administers


def acting_of(request: HttpRequest) -> ActingLike:
    return _installed["acting"](request)


def is_operator(request: HttpRequest) -> bool:
    return getattr(request.user, "kind", "") == "operator"


def may_manage(request: HttpRequest, organization: Organization) -> bool:
    """Teams of a structure: its administrator, or the regional operator."""
    return is_operator(request) or _installed["administers"](request, organization)
