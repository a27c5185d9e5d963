"""The AGGIR grid's own page, plugged into the answers' views."""

from django.utils import timezone

from . import aggir_screen, forms, shape
from .answers import Typed, typed_from
from .instruments import aggir
from .models import Response


def register() -> None:
    forms.register_screen(aggir.ENTRY.url, "questionnaires/aggir.html", context, aggir_screen.settled)


def context(response: Response, typed: Typed, before: Response | None) -> dict:
    old = None
    if before is not None:
        told = typed_from(shape.read(before.questionnaire.data), before.items)
        old = aggir_screen.Before(timezone.localdate(before.finished_at), aggir_screen.answers_of(told))
    return aggir_screen.context(aggir_screen.answers_of(typed), old, timezone.localdate())
