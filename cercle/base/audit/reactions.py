"""What follows a recorded fact. A reaction only enqueues jobs; it runs in the transaction of the fact.

    # care/chat/reactions.py
    @on("notebook.note_added")
    def tell_the_conversation(fact: Fact): tasks.tell.defer(note_id=fact.target_id)

`reactions.py` of each app is imported at start.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Fact:
    """What a reaction is told. `hidden`: reader classes the thing is masked to; pass it on with what you make of it."""

    id: UUID
    action: str
    circle_id: UUID | None = None
    target_type: str = ""
    target_id: UUID | None = None
    actor_user_id: UUID | None = None
    actor_practice_role_id: UUID | None = None
    hidden: int = 0
    details: dict = field(default_factory=dict)


Reaction = Callable[[Fact], None]
_reactions: dict[str, list[Reaction]] = {}


def on(*actions: str) -> Callable[[Reaction], Reaction]:
    """Register a reaction to facts of these names."""

    def register(reaction: Reaction) -> Reaction:
        for action in actions:
            known = _reactions.setdefault(action, [])
            if reaction not in known:
                known.append(reaction)
        return reaction

    return register


def off(reaction: Reaction) -> None:
    """Forget a reaction (tests)."""
    for known in _reactions.values():
        if reaction in known:
            known.remove(reaction)


def listening_to(action: str) -> list[Reaction]:
    return _reactions.get(action, [])
