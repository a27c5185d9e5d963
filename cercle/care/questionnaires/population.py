"""What is already known, for `initialExpression`: the person as FHIR, and variables that other apps provide.

Variables: %patient (FHIR Patient), %user, %age, %sex, %commune, %postal_code, %today, and what is registered:
`provide("measures", f)` with `f(acting) -> dict | list`, read as `%measures.weight`.
"""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from cercle.base.web import french

from . import conditions, expressions, shape
from .answers import Typed, name_of, put_text, typed_from
from .shape import Item, Shape

GENDERS = {"F": "female", "M": "male", "I": "unknown"}
_providers: dict[str, Callable[[Any], Any]] = {}


def provide(name: str, function: Callable[[Any], Any]) -> None:
    _providers[name] = function


def known(acting) -> dict[str, Any]:
    """The variables about this person; only today's date and who fills in when there is no circle (a desk's request)."""
    found: dict[str, Any] = {
        "today": timezone.localdate().isoformat(),
        "user": {"resourceType": "Practitioner", "name": [{"text": acting.actor_name}]},
        "role": acting.actor_role or [],
    }
    patient = getattr(acting, "patient", None)
    if patient is None or acting.circle_id is None:
        return found
    identity, place = patient.identity, patient.coordinates
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [{"family": identity.family, "given": [identity.given]}],
        "gender": GENDERS.get(identity.sex, "unknown"),
        "birthDate": identity.birth_date,
    }
    found |= {"patient": resource, "sex": identity.sex}
    age = french.age(identity.birth_date)
    digits = "".join(c for c in str(age) if c.isdigit())
    if digits and "an" in str(age):
        found["age"] = int(digits)
    if place is not None:
        resource["address"] = [{"line": [place.address], "postalCode": place.postal_code, "city": place.commune_label}]
        resource["telecom"] = [{"system": "phone", "value": place.phone}] if place.phone else []
        found |= {"commune": place.commune_label, "commune_code": place.commune_code, "postal_code": place.postal_code}
    for name, function in _providers.items():
        found[name] = function(acting)
    return {k: v for k, v in found.items() if v not in ("", None)}


def about(acting, questionnaire) -> dict[str, Any] | None:
    """What a form that computes may ask of this person; None when it computes nothing."""
    return declared(known(acting)) if shape.read(questionnaire.data).thinks else None


def initial(form: Shape, variables: dict[str, Any]) -> Typed:
    """The fields as they stand at the beginning: `initial`, `initialSelected`, then what `initialExpression` finds."""
    typed = typed_from(form, _initial_items(form.items))
    resource = variables.get("patient") or {"resourceType": "Patient"}
    scene = None
    for item, around in conditions.places(form, typed):
        if not item.initial_expression:
            continue
        scene = scene or conditions.Scene(form, [], {}, declared(variables))
        try:
            names = scene.names(item.initial_expression, item, around)
            found = expressions.evaluate(item.initial_expression, resource, names)
        except expressions.Failed:
            continue
        texts = [t for one in found if (t := put_text(item, one)) is not None]
        if texts:
            name = name_of(item.link_id, around)
            typed[f"{name}.other" if item.list_gone else name] = texts if item.repeats else texts[:1]
    return typed


def declared(variables: dict[str, Any]) -> dict[str, Any]:
    """Names that forms use and that nobody gave are empty, not a mistake."""
    names = {
        "patient",
        "user",
        "age",
        "sex",
        "commune",
        "commune_code",
        "postal_code",
        "encounter",
        "measures",
        *_providers,
    }
    return dict.fromkeys(names, []) | variables


def _initial_items(items: list[Item]) -> list[dict]:
    found = []
    for item in items:
        row: dict[str, Any] = {"linkId": item.link_id}
        if under := _initial_items(item.children):
            row["item"] = under
        given = [
            {k: v for k, v in one.items() if k.startswith("value")}
            for one in item["initial"] or []
            if isinstance(one, dict)
        ]
        given += [
            {k: v for k, v in one.items() if k.startswith("value")}
            for one in item["answerOption"] or []
            if isinstance(one, dict) and one.get("initialSelected")
        ]
        if given:
            row["answer"] = given
        if len(row) > 1:
            found.append(row)
    return found
