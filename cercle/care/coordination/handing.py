"""What else somebody holds when she passes on her files: apps above say theirs in their module `held`, imported at start.

    handing.register(handing.Part(label=_("Demandes ouvertes au guichet"), icon="inbox", find=f))

`find(desk, handover) -> list[Item]` gives what this colleague may see of it; the page lists it, nothing moves by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cercle.people.circles.desks import Desk

from .models import Handover


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    label: Any
    icon: str
    find: Callable[[Desk, Handover], list[Item]]


_parts: list[Part] = []


def register(part: Part) -> None:
    _parts.append(part)


def of(desk: Desk, handover: Handover) -> list[tuple[Part, list[Item]]]:
    found = [(part, part.find(desk, handover)) for part in _parts]
    return [(part, items) for part, items in found if items]
