"""The trace: the last line of every action, in the same transaction as its rows.

record(acting, "notebook.note_added", on=note, hidden=note.hidden)
record(acting, "notebook.read", kind=Kind.READ, shown=[n.pk for n in notes])
"""

import json
import logging
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Model

from cercle.base.common.prepared import prepared

from .models import Kind
from .reactions import Fact, listening_to

log = logging.getLogger(__name__)


class ActingLike(Protocol):
    """Who acts, as the gate found it (people/circles/access.py makes the real one)."""

    @property
    def user_id(self) -> UUID | None: ...
    @property
    def practice_role_id(self) -> UUID | None: ...
    @property
    def actor_name(self) -> str: ...
    @property
    def actor_role(self) -> str: ...
    @property
    def ground(self) -> str: ...
    @property
    def circle_id(self) -> UUID | None: ...
    @property
    def opening(self) -> UUID | None: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine itself: migrations, jobs, imports."""

    user_id: UUID | None = None
    practice_role_id: UUID | None = None
    actor_name: str = "Cercle"
    actor_role: str = ""
    ground: str = "system"
    circle_id: UUID | None = None
    opening: UUID | None = None
    source: str = "job"


SYSTEM = Machine()

INSERT = (
    "INSERT INTO audit_event (actor_user_id, practice_role_id, actor_name, actor_role, ground, source, action, kind,"
    " circle_id, target_type, target_id, shown, hidden, opening, reason, details, outcome)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s, %s, %s, %s::jsonb, %s) RETURNING id"
)

# An act that changes rows and is traced outside their transaction could be kept without its trace: the mistake that
# this application must never make. Alone, a read is one statement, whole by itself.
READ_LIKE = {Kind.READ, Kind.SEARCH, Kind.EXPORT, Kind.LOGIN}

# The last word of an action's name says its kind, unless the caller does.
_KINDS = {
    Kind.READ: "read opened listed seen shown viewed consulted entered downloaded",
    Kind.CREATE: "added created opened_new imported received invited joined uploaded sent",
    Kind.DELETE: "deleted withdrawn removed erased ended left",
    Kind.SEARCH: "searched",
    Kind.EXPORT: "exported printed",
    Kind.LOGIN: "signed_in signed_out",
}
_BY_WORD = {word: kind for kind, words in _KINDS.items() for word in words.split()}


def kind_of(action: str) -> Kind:
    """Kind.UPDATE unless the verb at the end of the name says otherwise."""
    verb = action.rpartition(".")[2]
    return _BY_WORD.get(verb) or _BY_WORD.get(verb.rpartition("_")[2], Kind.UPDATE)


class TraceOutsideTransaction(RuntimeError):
    """`record` was called for a change outside `transaction.atomic()`."""


def _strict() -> bool:
    return settings.DEBUG or "pytest" in sys.modules


def record(
    acting: ActingLike,
    action: str,
    *,
    on: Model | None = None,
    kind: Kind | None = None,
    circle_id: UUID | None = None,
    shown: Iterable[UUID] = (),
    hidden: int = 0,
    details: Mapping | None = None,
    reason: str = "",
    outcome: str = "ok",
) -> UUID:
    """Write one row of the journal, then run the reactions to the fact. Returns the row's id.

    One statement. `on`: the row the act is about. `shown`: ids of what the person was given to see. `hidden`: mask of
    the reader classes to which that row is masked. `details`: small facts without clinical text; ids, codes, counts.
    Raises TraceOutsideTransaction (development and tests) for a change outside a transaction.
    """
    kind = kind or kind_of(action)
    if not connection.in_atomic_block:
        if kind not in READ_LIKE:
            if _strict():
                raise TraceOutsideTransaction(f"{action}: call record() inside transaction.atomic()")
            log.error("trace outside transaction: %s", action)
        if kind in READ_LIKE and not listening_to(action):
            # One statement is a transaction of its own: no BEGIN and COMMIT around a read's trace.
            return _insert(acting, action, on, kind, circle_id, shown, hidden, details, reason, outcome)[0]
        with transaction.atomic():
            return record(
                acting,
                action,
                on=on,
                kind=kind,
                circle_id=circle_id,
                shown=shown,
                hidden=hidden,
                details=details,
                reason=reason,
                outcome=outcome,
            )
    event_id, circle_id, target_type, target_id, details = _insert(
        acting, action, on, kind, circle_id, shown, hidden, details, reason, outcome
    )
    reactions = listening_to(action)
    if reactions and outcome == "ok":
        fact = Fact(
            id=event_id,
            action=action,
            circle_id=circle_id,
            target_type=target_type,
            target_id=target_id,
            actor_user_id=acting.user_id,
            actor_practice_role_id=acting.practice_role_id,
            hidden=hidden,
            details=details,
        )
        for react in reactions:
            react(fact)
    return event_id


_rows = threading.local()


def written() -> int:
    """How many rows this thread has recorded: tells a middleware whether a request left a trace."""
    return getattr(_rows, "count", 0)


def _insert(acting, action, on, kind, circle_id, shown, hidden, details, reason, outcome) -> tuple:
    """The row alone: its id, then circle, target type and id, and details as kept."""
    circle_id = circle_id or acting.circle_id or getattr(on, "circle_id", None)
    target_type, target_id, details = "", None, dict(details or {})
    if on is not None:
        target_type, target_id = on._meta.label_lower, on.pk
        if not isinstance(target_id, UUID):
            details["target"], target_id = str(target_id), None
    values = [
        acting.user_id,
        acting.practice_role_id,
        acting.actor_name or "",
        acting.actor_role or "",
        str(getattr(acting.ground, "value", acting.ground) or ""),
        acting.source or "",
        action,
        kind.value,
        circle_id,
        target_type,
        target_id,
        list(shown),
        hidden,
        acting.opening,
        reason or "",
        json.dumps(details, cls=DjangoJSONEncoder, ensure_ascii=False),
        outcome,
    ]
    with prepared() as cursor:
        cursor.execute(INSERT, values)
        _rows.count = written() + 1
        return cursor.fetchone()[0], circle_id, target_type, target_id, details
