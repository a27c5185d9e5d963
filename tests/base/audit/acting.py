"""Someone who acts, without the floors above."""

from dataclasses import dataclass
from uuid import UUID, uuid4


@dataclass(frozen=True)
class Actor:
    user_id: UUID | None
    circle_id: UUID | None = None
    practice_role_id: UUID | None = None
    actor_name: str = "Alice Le Gall"
    actor_role: str = "Infirmière"
    ground: str = "member"
    opening: UUID | None = None
    source: str = "web"


def alice(circle_id=None, **more) -> Actor:
    return Actor(user_id=uuid4(), circle_id=circle_id, **more)
