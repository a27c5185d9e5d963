"""Who acts, for acts that open no patient: account life, directory, searches, sign-in."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from .context import current_role
from .models import User


@dataclass(frozen=True)
class PersonActing:
    """What the audit needs to know of who acts, outside any circle. It opens nothing: gates give their own Acting."""

    user_id: UUID | None
    practice_role_id: UUID | None = None
    actor_name: str = ""
    actor_role: str = ""
    ground: str = "account"
    circle_id: UUID | None = None
    opening: UUID | None = None
    source: str = "web"
    user: User | None = None


def person_acting(request: HttpRequest) -> PersonActing:
    """The signed-in person, in her current context of exercise."""
    return user_acting(request.user, role=current_role(request))


def user_acting(user: User, *, role=None, source: str = "web") -> PersonActing:
    """The same without a request: sign-in itself, commands, tests."""
    return PersonActing(
        user_id=user.pk,
        practice_role_id=role.pk if role else None,
        actor_name=str(user),
        actor_role=str(role) if role else str(user.get_kind_display()),
        source=source,
        user=user,
    )
