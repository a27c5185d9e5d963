"""The lane above the hours: what is due or happens on a day, told by the apps that know.

    deadlines.register(lambda viewer, begin, end: [Deadline(at=…, text=_("Répondre, Cornec, 12 h"), icon="flag", chip="watch", url=…)])

A provider gives only what this viewer may read, in a constant number of statements.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cercle.people.circles.access import Viewer


@dataclass(frozen=True)
class Deadline:
    at: datetime
    text: Any
    icon: str
    chip: str = "wait"  # urgent, watch, done, info, wait, stay
    url: str = ""


Provider = Callable[[Viewer, datetime, datetime], Iterable[Deadline]]
_providers: list[Provider] = []


def register(provider: Provider) -> None:
    if provider not in _providers:
        _providers.append(provider)


def between(viewer: Viewer, begin: datetime, end: datetime) -> list[Deadline]:
    found = [d for provider in _providers for d in provider(viewer, begin, end)]
    return sorted((d for d in found if begin <= d.at < end), key=lambda d: d.at)
