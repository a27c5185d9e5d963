"""What is asked and what is computed, from what was answered: enableWhen, enableWhenExpression, calculatedExpression.

The page evaluates `enableWhen` itself (static/questionnaires/form.js, same rules); all expressions come back here.
"""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from . import expressions
from .answers import Key, Typed, instances_of, name_of, read_items
from .shape import HL7, Condition, Item, Shape, coding_key

Values = dict[Key, list[dict]]


def values_of(shape: Shape, items: list[dict]) -> Values:
    """Answers by question and instances."""
    found: Values = defaultdict(list)

    def look(rows, around: tuple[int, ...]) -> None:
        seen: dict[str, int] = {}
        for row in rows or []:
            item = shape.by_link.get(row.get("linkId", ""))
            if item is None:
                continue
            if item.is_loop:
                n = seen.get(item.link_id, 0)
                seen[item.link_id] = n + 1
                look(row.get("item"), (*around, n))
                continue
            for answer in row.get("answer", []):
                found[item.link_id, around].append(answer)
                look(answer.get("item"), around)
            look(row.get("item"), around)

    look(items, ())
    return found


def typed_values(shape: Shape, typed: Typed) -> Values:
    """The same from the fields: every instance that stands in the page counts, empty ones too, so that numbers agree."""
    from .answers import read_answers

    found: Values = {}

    def look(items: list[Item], around: tuple[int, ...]) -> None:
        for item in items:
            if item.is_loop:
                for n in range(instances_of(item, typed, around)):
                    look(item.children, (*around, n))
                continue
            if item.asks and (given := read_answers(item, typed, {}, around)):
                found[item.link_id, around] = given
            look(item.children, around)

    look(shape.items, ())
    return found


def places(shape: Shape, typed: Typed) -> list[tuple[Item, tuple[int, ...]]]:
    """Every item that stands in the page, once for each instance of the groups around it."""
    found = []

    def look(items: list[Item], around: tuple[int, ...]) -> None:
        for item in items:
            found.append((item, around))
            if item.is_loop:
                for n in range(instances_of(item, typed, around)):
                    look(item.children, (*around, n))
            else:
                look(item.children, around)

    look(shape.items, ())
    return found


def disabled(shape: Shape, typed: Typed) -> set[Key]:
    """What is not asked now. A question in a ring of conditions is asked: better one question too many than one lost."""
    return _disabled(shape, places(shape, typed), typed_values(shape, typed), _hidden_by_expression(shape, typed))


def disabled_in(shape: Shape, items: list[dict]) -> set[Key]:
    from .answers import typed_from

    return disabled(shape, typed_from(shape, items))


def _disabled(shape: Shape, where, values: Values, expressed: set[str]) -> set[Key]:
    by_link: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for item, around in where:
        by_link[item.link_id].append(around)
    known: dict[Key, bool] = {}
    under_way: set[Key] = set()

    def enabled(item: Item, around: tuple[int, ...]) -> bool:
        key = (item.link_id, around)
        if key in known:
            return known[key]
        if key in under_way:
            return True
        under_way.add(key)
        found = item.link_id not in expressed
        if found and item.parent is not None:
            found = enabled(item.parent, around[: len(item.parent.loops)])
        if found and item.conditions:
            results = (holds(c, answers_for(c, item, around)) for c in item.conditions)
            found = any(results) if item.any_condition else all(results)
        under_way.discard(key)
        known[key] = found
        return found

    def answers_for(condition: Condition, item: Item, around: tuple[int, ...]) -> list[dict]:
        question = shape.by_link.get(condition.question)
        if question is None:
            return []
        shared = 0
        inside = (*item.loops, item.link_id) if item.is_loop else item.loops
        for mine, theirs in zip(inside, question.loops, strict=False):
            if mine != theirs:
                break
            shared += 1
        shared = min(shared, len(around))
        found: list[dict] = []
        for there in by_link.get(condition.question, []):
            if there[:shared] == around[:shared] and (given := values.get((condition.question, there))):
                if enabled(question, there):
                    found += given
        return found

    return {(item.link_id, around) for item, around in where if not enabled(item, around)}


def holds(condition: Condition, answers: list[dict]) -> bool:
    """FHIR R4 `enableWhen`: true if one answer satisfies it; `!=` is the contrary of `=`, so it holds without answer."""
    if condition.operator == "exists":
        return bool(answers) == (condition.answer is not False and condition.answer != "false")
    if condition.operator == "!=":
        return not any(_equal(a, condition.answer) for a in answers)
    if condition.operator == "=":
        return any(_equal(a, condition.answer) for a in answers)
    return any(_compare(a, condition.operator, condition.answer) for a in answers)


def _value(answer: dict) -> Any:
    return next((v for k, v in answer.items() if k.startswith("value")), None)


def _equal(answer: dict, wanted: Any) -> bool:
    value = _value(answer)
    if isinstance(value, dict) and isinstance(wanted, dict):
        if "value" in wanted or "value" in value:
            return _number(value.get("value")) == _number(wanted.get("value")) and _unit(value) == _unit(wanted)
        same = value.get("code") == wanted.get("code")
        return same and (not wanted.get("system") or value.get("system") == wanted.get("system"))
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    a, b = _number(value), _number(wanted)
    return a == b if a is not None and b is not None else value == wanted


def _unit(quantity: dict) -> str:
    return str(quantity.get("code") or quantity.get("unit") or "")


def _number(value: Any) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _compare(answer: dict, operator: str, wanted: Any) -> bool:
    value = _value(answer)
    if isinstance(value, dict) and isinstance(wanted, dict):
        if _unit(value) != _unit(wanted):
            return False
        value, wanted = value.get("value"), wanted.get("value")
    a, b = _number(value), _number(wanted)
    if a is None or b is None:
        if not (isinstance(value, str) and isinstance(wanted, str)):
            return False
        a, b = _instant(value), _instant(wanted)
        if type(a) is not type(b):
            return False
    return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[operator]


def _instant(text: str):
    if len(text) > 10 and "T" in text:
        try:
            found = datetime.fromisoformat(text)
            return found if found.tzinfo else text
        except ValueError:
            return text
    return text


# --- Expressions -----------------------------------------------------------------------------------------------------
def response_of(shape: Shape, items: list[dict]) -> dict:
    return {"resourceType": "QuestionnaireResponse", "status": "in-progress", "item": items}


def weighed(shape: Shape, items: list[dict]) -> list[dict]:
    """A copy whose codings carry the weight of their option, for `weight()` and `ordinal()`."""
    from .answers import option_of

    found = []
    for row in items:
        item = shape.by_link.get(row.get("linkId", ""))
        row = dict(row)
        if row.get("item"):
            row["item"] = weighed(shape, row["item"])
        if row.get("answer"):
            answers = []
            for answer in row["answer"]:
                answer = dict(answer)
                if item is not None and "valueCoding" in answer:
                    option = option_of(item, answer)
                    if option is not None and option.weight is not None:
                        weight = {"url": HL7 + "ordinalValue", "valueDecimal": option.weight}
                        answer["valueCoding"] = answer["valueCoding"] | {"extension": [weight]}
                if answer.get("item"):
                    answer["item"] = weighed(shape, answer["item"])
                answers.append(answer)
            row["answer"] = answers
        found.append(row)
    return found


def context_of(shape: Shape, resource: dict, extra: dict | None = None) -> dict:
    context = {"resource": resource, "questionnaire": shape.data} | (extra or {})
    for name, expression in shape.variables:
        try:
            context[name] = expressions.evaluate(expression, resource, context)
        except expressions.Failed:
            context[name] = []
    return context


def _hidden_by_expression(shape: Shape, typed: Typed) -> set[str]:
    asked = [item for item in shape.by_link.values() if item.enable_expression]
    if not asked:
        return set()
    resource = response_of(shape, weighed(shape, read_items(shape, typed, {})))
    context = context_of(shape, resource)
    found = set()
    for item in asked:
        try:
            if not expressions.true(item.enable_expression, resource, context):
                found.add(item.link_id)
        except expressions.Failed:
            continue  # shown: nothing is lost
    return found


def calculate(shape: Shape, typed: Typed, extra: dict | None = None) -> tuple[Typed, dict[str, str]]:
    """The fields with the computed ones filled in, and what failed by field name. Computed fields may feed each other."""
    from .answers import put_text

    computed = shape.calculated
    if not computed:
        return typed, {}
    typed = dict(typed)
    for item in computed:  # never what the page sent: the server alone computes
        for name in [n for n in typed if n == name_of(item.link_id) or n.startswith(name_of(item.link_id) + "~")]:
            del typed[name]
    failed: dict[str, str] = {}
    before = None
    for _turn in range(min(len(computed) + 1, 12)):
        off = disabled(shape, typed)
        resource = response_of(shape, weighed(shape, read_items(shape, typed, {}, off=off)))
        context = context_of(shape, resource, extra)
        for item in computed:
            name = name_of(item.link_id)
            try:
                found = expressions.evaluate(item.calculated, resource, context)
            except expressions.Failed:
                failed[name] = "failed"
                typed.pop(name, None)
                continue
            failed.pop(name, None)
            texts = [t for one in found if (t := put_text(item, one)) is not None]
            if texts:
                typed[name] = texts if item.repeats else texts[:1]
            else:
                typed.pop(name, None)
        now = {name_of(i.link_id): typed.get(name_of(i.link_id)) for i in computed}
        if now == before:
            break
        before = now
    return typed, failed


def broken_constraints(shape: Shape, items: list[dict], extra: dict | None = None) -> dict[str, str]:
    """Sentences of the constraints that do not hold, by field name; the form's own under ""."""
    resource = response_of(shape, weighed(shape, items))
    context = None
    found: dict[str, str] = {}
    for item in [None, *shape.by_link.values()]:
        for one in (item or shape).constraints:
            context = context or context_of(shape, resource, extra)
            base = "QuestionnaireResponse.item" if item is not None else ""
            for focus, name in _focus(shape, resource, item):
                try:
                    result = expressions.evaluate(one.expression, focus, context, base=base)
                except expressions.Failed:
                    continue
                if result[:1] == [False] and one.severity == "error":
                    found.setdefault(name, one.human or "La réponse ne convient pas.")
    return found


def _focus(shape: Shape, resource: dict, item: Item | None):
    """The rows of the answer that a constraint speaks of, each with its field name."""
    if item is None:
        return [(resource, "")]
    found = []

    def look(rows, around: tuple[int, ...]) -> None:
        seen: dict[str, int] = {}
        for row in rows or []:
            here = shape.by_link.get(row.get("linkId", ""))
            inner = around
            if here is not None and here.is_loop:
                inner = (*around, seen.get(here.link_id, 0))
                seen[here.link_id] = inner[-1] + 1
            if here is item:
                found.append((row, name_of(item.link_id, around)))
            for answer in row.get("answer") or []:
                look(answer.get("item"), inner)
            look(row.get("item"), inner)

    look(resource.get("item"), ())
    return found


__all__ = ["Values", "broken_constraints", "calculate", "coding_key", "disabled", "holds", "values_of"]
