"""The instruments as scorers of forms: called once, when the app is ready."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import forms, shape
from . import aggir
from .base import BadProfile, Instrument
from .registry import profile_of, score_response, shipped, url_of


def register() -> None:
    for entry in shipped():
        if entry.score is not None:
            forms.register_scorer(url_of(entry), _scorer(entry))


def _scorer(entry: Instrument) -> forms.Scorer:
    def scored(response: dict[str, Any], questionnaire: dict[str, Any]) -> dict[str, Any]:
        told = {"instrument": entry.name, "better": entry.better, "highest": entry.highest, "lowest": entry.lowest}
        try:
            result = score_response(entry, response, questionnaire)
        except BadProfile as refused:
            if entry is aggir.ENTRY and (gir := certain_gir(profile_of(response, questionnaire))):
                return told | {"value": gir, "gir": gir, "incomplet": True, "warning": str(entry.warning)}
            if refused.missing:
                raise BadProfile(_left(refused.missing, questionnaire)) from None
            raise
        return told | {
            **result.as_json(),
            "value": result.score,
            "highest": result.highest,
            "band": str(result.band),
            "warning": str(entry.warning),
        }

    return scored


def _left(missing: tuple[str, ...], questionnaire: dict[str, Any]) -> str:
    """On the screen, questions have their words and not their variables."""
    form = shape.read(questionnaire)
    names = [item.short for link in missing if (item := form.by_link.get(link))]
    if len(names) == 1:
        return _("Il manque une réponse : « %(name)s »") % {"name": names[0]}
    return ngettext("Il manque %(n)s réponse.", "Il manque %(n)s réponses.", len(missing)) % {"n": len(missing)}


def certain_gir(answers: Any) -> int | None:
    """The GIR that an unfinished grid already has, whatever its missing answers; None while two are possible."""
    letters = {name: answers[name] for name in aggir.WEIGHING if answers.get(name) in aggir.LETTERS}
    girs = aggir.possible(letters)
    return girs[0] if len(girs) == 1 else None
