"""What an appointment becomes once it took place: the apps above register their verb (« en faire une fiche de suivi »).

    outcomes.register("visit", _("En faire une fiche de suivi"), lambda appointment, occurrence_at: reverse(…))

`url_for` may answer "" when this appointment cannot become that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .models import Appointment


@dataclass(frozen=True)
class Outcome:
    kind: str  # of appointment; "" for all
    label: Any
    url_for: Callable[[Appointment, datetime], str]


_outcomes: list[Outcome] = []


def register(kind: str, label, url_for: Callable[[Appointment, datetime], str]) -> None:
    _outcomes.append(Outcome(kind, label, url_for))


def of(appointment: Appointment, occurrence_at: datetime) -> list[tuple[Any, str]]:
    """(label, address) of what this one may become."""
    found = [(o.label, o.url_for(appointment, occurrence_at)) for o in _outcomes if o.kind in ("", appointment.kind)]
    return [(label, url) for label, url in found if url]
