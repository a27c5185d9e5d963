"""What other apps use: render, parse, start, score; independent of any view.

    page = forms.render(questionnaire, response.items)             # fields, to put inside one's own <form>
    items, errors = forms.parse(questionnaire, request.POST)
    response = forms.start(acting, "aggir")                         # an Acting, or a Desk with subject_ref=request.pk

A scorer is Python: `register_scorer(url, f)` with `f(response_json, questionnaire_json) -> dict`; a refusal is a ValueError whose
words are for the person. A form may have a screen of its own: `register_screen`.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

from . import conditions, expressions, rendering, shape
from .answers import Typed, name_of, read_items, typed_from, typed_of
from .models import Questionnaire

logger = logging.getLogger(__name__)
Scorer = Callable[[dict, dict], dict[str, Any]]
_scorers: dict[str, Scorer] = {}
_screens: dict[str, "Screen"] = {}


def register_scorer(url: str, function: Scorer) -> None:
    _scorers[url] = function


def scorer_of(questionnaire: Questionnaire | dict) -> Scorer | None:
    return _scorers.get(_data(questionnaire).get("url", ""))


@dataclass(frozen=True)
class Screen:
    template: str  # a whole page, with a partial « saved » for what an autosave answers
    context: Callable[
        ..., dict
    ]  # context(response, typed, before) -> dict; `before`: the last signed answer to this form, or None
    settle: Callable[[Typed], Typed]  # the fields as the screen means them


def register_screen(
    url: str, template: str, context: Callable[..., dict], settle: Callable[[Typed], Typed] = lambda typed: typed
) -> None:
    """A page of its own for this form, instead of the generic one. It is also given identity, status_key, form_fields (hidden
    fields it must hold), saved_at, problem, problem_at_sign, back_url, save_url and sign_url."""
    _screens[url] = Screen(template, context, settle)


def screen_of(questionnaire: Questionnaire | dict) -> Screen | None:
    return _screens.get(_data(questionnaire).get("url", ""))


@expressions.budget()
def render(
    questionnaire: Questionnaire | dict, answers: list[dict] | None, errors: dict[str, str] | None = None, *,
    typed: Typed | None = None, prefix: str = "", upload: str = "", extra: dict | None = None,
) -> SafeString:  # fmt: skip
    """The fields of the form. `answers`: FHIR items; `typed`: what stood in the fields, which wins over them.

    `upload`: the address that takes files. `prefix`: of the ids, when two forms stand in one page. `extra`: FHIRPath variables.
    """
    form = shape.read(_data(questionnaire))
    lists = ""
    if isinstance(questionnaire, Questionnaire) and any(item.searched for item in form.by_link.values()):
        lists = reverse("questionnaires:codes", args=[questionnaire.pk])
    typed = typed_from(form, answers) if typed is None else typed
    return rendering.Sheet(form, typed, errors, prefix=prefix, upload=upload, lists=lists, extra=extra).page()


@expressions.budget()
def parse(questionnaire: Questionnaire | dict, post, *, extra: dict | None = None) -> tuple[list[dict], dict[str, str]]:
    """FHIR items of what is asked and can be read, and the sentences of what is wrong or missing, by field name."""
    form = shape.read(_data(questionnaire))
    typed, _failed = conditions.calculate(form, typed_of(post), extra)
    off = conditions.disabled(form, typed, extra)
    errors: dict[str, str] = {}
    index: dict = {}
    items = read_items(form, typed, errors, off=off, index=index)
    for item, around in conditions.places(form, typed):
        if (item.link_id, around) in off or item.type == "display" or item.hidden:
            continue
        name = name_of(item.link_id, around)
        if item.asks:
            given = len([t for t in (*typed.get(name, []), *typed.get(f"{name}.other", [])) if t.strip()])
            missing = _("Cette réponse est nécessaire.")
        else:
            given = sum(link == item.link_id and inside[: len(around)] == around for link, inside in index)
            missing = _("Répondez à une de ces questions au moins.")
        if item.required and not given:
            errors.setdefault(name, missing)
        least, most = item.bound("questionnaire-minOccurs"), item.bound("questionnaire-maxOccurs")
        if item.repeats and given and isinstance(least, int) and given < least:
            errors.setdefault(name, _("Donnez au moins %(n)s réponses.") % {"n": least})
        if item.repeats and isinstance(most, int) and given > most:
            errors.setdefault(name, _("Donnez au plus %(n)s réponses.") % {"n": most})
    for name, words in conditions.broken_constraints(form, typed, off, extra).items():
        errors.setdefault(name, words)
    return items, errors


def score(questionnaire: Questionnaire | dict, response_json: dict) -> dict[str, Any]:
    """What the form's scorer says, and the numbers it computes itself; {} when it measures nothing.

    `value`: the number a trend is drawn by. `missing`: why there is no score yet, in words. `items`: computed numbers by linkId.
    """
    data = _data(questionnaire)
    found: dict[str, Any] = {}
    if scorer := _scorers.get(data.get("url", "")):
        try:
            found = dict(scorer(response_json, data))
        except (ValueError, Refused) as refusal:
            found = {"missing": str(refusal)}
        except Exception:
            logger.exception("scorer of %s failed", data.get("url"))
            found = {"missing": _("Le calcul n’est pas possible avec ces réponses.")}
    form = shape.read(data)
    numbers = {}
    if form.calculated:
        for (link, around), given in conditions.values_of(form, response_json.get("item", [])).items():
            if not around and form.by_link[link].calculated:
                value = next(iter(given[0].values()))
                value = value.get("value") if isinstance(value, dict) else value
                if isinstance(value, int | float) and not isinstance(value, bool):
                    numbers[link] = value
    if numbers:
        found["items"] = numbers
    for name in ("value", "gir", "score", "total"):
        if isinstance(found.get(name), int | float) and not isinstance(found[name], bool):
            found["value"] = found[name]
            break
    else:
        if numbers:
            found["value"] = next(iter(numbers.values()))
    return found


def start(acting, slug: str, *, subject_ref=None):
    """A new answer, in progress, filled with what is known of the person; or the one that is already being filled in."""
    from . import actions

    return actions.start(acting, slug=slug, subject_ref=subject_ref)


def context(
    response, *, draft_url: str, live_url: str = "", upload_url: str = "", typed: Typed | None = None,
    errors: dict[str, str] | None = None, writer: str = "", revision: int | None = None, extra: dict | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What `questionnaires/form.html` shows: put it in one's own <form id="form" method="post">, with a button to finish.

    The page needs questionnaires/form.css, form.js and web/draft.js (`data-draft="{{ draft_url }}"` on the form).
    """
    questionnaire = response.questionnaire
    if typed is None:
        typed = (
            response.typed
            if response.typed or response.is_open
            else typed_from(shape.read(questionnaire.data), response.items)
        )
    form = shape.read(questionnaire.data)
    return {
        "response": response, "questionnaire": questionnaire, "draft_url": draft_url, "errors": errors or {},
        "fields": render(questionnaire, None, errors, typed=typed, upload=upload_url, extra=extra),
        "live_url": live_url if form.thinks or scorer_of(questionnaire) else "",
        "score": score(questionnaire, response_of(questionnaire, typed, extra)) if scorer_of(questionnaire) else {},
        "writer": writer or uuid.uuid4().hex, "revision": response.revision if revision is None else revision,
    }  # fmt: skip


def response_of(questionnaire: Questionnaire | dict, typed: Typed, extra: dict | None = None) -> dict[str, Any]:
    """The answer as it would be if it were finished now, wrong fields left out."""
    form = shape.read(_data(questionnaire))
    typed, _failed = conditions.calculate(form, typed, extra)
    return conditions.response_of(form, read_items(form, typed, {}, off=conditions.disabled(form, typed, extra)))


def _data(questionnaire: Questionnaire | dict) -> dict:
    return questionnaire if isinstance(questionnaire, dict) else questionnaire.data
