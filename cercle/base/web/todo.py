"""« Mes tâches »: what waits for one person, across patients. Apps say theirs from `AppConfig.ready`:

    todo.register(todo.Group(key="requests", label=_("Demandes à répondre"), icon="inbox", order=10, find=f))

`find(request) -> list[Task]` asks its own gate and gives what this person may see now, the most pressing first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Task:
    title: str
    url: str
    detail: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Group:
    key: str
    label: Any
    icon: str
    order: int
    find: Callable[[HttpRequest], list[Task]]


_groups: dict[str, Group] = {}


def register(group: Group) -> None:
    _groups[group.key] = group


def of(request: HttpRequest) -> list[tuple[Group, list[Task]]]:
    found = [(group, group.find(request)) for group in sorted(_groups.values(), key=lambda g: g.order)]
    return [(group, tasks) for group, tasks in found if tasks]
