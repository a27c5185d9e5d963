"""What is asked and what is computed, from what was answered: enableWhen, enableWhenExpression, calculatedExpression.

The page evaluates `enableWhen` itself (static/questionnaires/form.js, same rules); all expressions come back here.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from . import expressions
from .answers import Key, Typed, instances_of, name_of, option_of, put_text, read_answers, read_items
from .shape import HL7, Condition, Item, Shape

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


@expressions.budget()
def disabled(shape: Shape, typed: Typed, extra: dict | None = None) -> set[Key]:
    """What is not asked now. A question in a ring of conditions is asked: better one question too many than one lost."""
    where, values = places(shape, typed), typed_values(shape, typed)
    off = _disabled(shape, where, values, frozenset())
    asked = [(item, around) for item, around in where if item.enable_expression]
    if not asked:
        return off
    # An expression sees the answers of what is asked, and what it hides may be seen by another one.
    for _turn in range(min(len(asked) + 1, 6)):
        scene = Scene.of(shape, typed, off, extra)
        expressed = frozenset((item.link_id, around) for item, around in asked if not scene.asks(item, around))
        before, off = off, _disabled(shape, where, values, expressed)
        if off == before:
            break
    return off


def _disabled(shape: Shape, where, values: Values, expressed: Collection[Key]) -> set[Key]:
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
        found = key not in expressed
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
        for mine, theirs in zip(item.inside, question.loops, strict=False):
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
            return _number(value.get("value")) == _number(wanted.get("value")) and _same_unit(value, wanted)
        same = _code(value) == _code(wanted)
        return same and (not wanted.get("system") or value.get("system") == wanted.get("system"))
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    a, b = _number(value), _number(wanted)
    if a is not None and b is not None:
        return a == b
    return value == wanted or (
        isinstance(value, str) and isinstance(wanted, str) and _instant(value) == _instant(wanted)
    )


def _code(coding: dict) -> str:
    return str(coding.get("code") or coding.get("reference") or coding.get("display") or "")


def _same_unit(quantity: dict, wanted: dict) -> bool:
    """A condition that names no unit takes any."""
    units = {str(wanted[name]) for name in ("code", "unit") if wanted.get(name)}
    return not units or bool(units & {str(quantity.get(name)) for name in ("code", "unit")})


def _number(value: Any) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _compare(answer: dict, operator: str, wanted: Any) -> bool:
    value = _value(answer)
    if isinstance(value, dict) and isinstance(wanted, dict):
        if not _same_unit(value, wanted):
            return False
        value, wanted = value.get("value"), wanted.get("value")
    a: Any = _number(value)
    b: Any = _number(wanted)
    if a is None or b is None:
        if not (isinstance(value, str) and isinstance(wanted, str)):
            return False
        a, b = _instant(value), _instant(wanted)
        if type(a) is not type(b):
            return False
    return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[operator]


def _instant(text: str) -> datetime | str:
    """A moment as such, an hour with its seconds, anything else as it is."""
    if re.fullmatch(r"\d\d:\d\d", text, re.ASCII):
        return f"{text}:00"
    if len(text) > 10 and text[10] == "T":
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return text
        return found if found.tzinfo else text
    return text


# --- Expressions -----------------------------------------------------------------------------------------------------
ROW = "QuestionnaireResponse.item"


def response_of(shape: Shape, items: list[dict]) -> dict:
    return {"resourceType": "QuestionnaireResponse", "status": "in-progress", "item": items}


class Part(dict):
    """A coding or a quantity; the library asks for a `system` that it may not have."""

    def __missing__(self, name: str) -> None:
        return None


def weigh(shape: Shape, items: list[dict]) -> list[dict]:
    """Give codings the weight of their option, for `weight()` and `ordinal()`. Changes these rows: never those that are kept."""
    for row in items:
        item = shape.by_link.get(row.get("linkId", ""))
        weigh(shape, row.get("item") or [])
        for answer in row.get("answer") or []:
            weigh(shape, answer.get("item") or [])
            for kind in ("valueCoding", "valueQuantity"):
                if kind in answer:
                    answer[kind] = Part(answer[kind])
            chosen = option_of(item, answer) if item is not None and "valueCoding" in answer else None
            if chosen is not None and chosen.weight is not None:
                weight = {"url": HL7 + "ordinalValue", "valueDecimal": chosen.weight}
                answer["valueCoding"] = Part(answer["valueCoding"] | {"extension": [weight]})
    return items


class Scene:
    """Answers as expressions see them: the whole (%resource), the rows of each question, the variables in scope.

    The focus of an expression is the form's answer, or the instance of the group it stands in; a group's own is its row.
    """

    def __init__(self, shape: Shape, items: list[dict], index: dict[Key, dict], extra: dict | None = None):
        self.shape, self.index = shape, index
        self.resource = response_of(shape, weigh(shape, items))
        self.given = dict.fromkeys(shape.declared, []) | (extra or {})
        self._found: dict[tuple, Any] = {}

    @classmethod
    def of(cls, shape: Shape, typed: Typed, off: Collection[Key], extra: dict | None = None) -> "Scene":
        index: dict[Key, dict] = {}
        return cls(shape, read_items(shape, typed, {}, off=off, index=index), index, extra)

    def names(self, expression: str, item: Item | None, inside: tuple[int, ...]) -> dict[str, Any]:
        """The variables that an expression mentions, as they stand for this item in this instance of the groups around it."""
        names: dict[str, Any] = {"resource": self.resource, "questionnaire": self.shape.data, "context": self.resource}
        if item is not None:
            row = self.index.get((item.link_id, inside))
            names |= {"context": [expressions.node(row, ROW)] if row else [], "qitem": item.data}
        for name in expressions.mentioned(expression) - set(names):
            if (found := self._variable(name, item, inside)) is not None:
                names[name] = found
        return names

    def _variable(self, name: str, item: Item | None, inside: tuple[int, ...]) -> Any:
        """Of the nearest that tells it: the item, what holds it, the form, who opened the form. None: nobody does."""
        while True:
            held = dict(item.variables if item else self.shape.variables)
            if name in held:
                break
            if item is None:
                return self.given.get(name)
            item = item.parent
            inside = inside[: len(item.inside) if item else 0]
        key = (item and item.link_id, inside, name)
        if key not in self._found:
            self._found[key] = []  # a variable that asks for itself finds nothing
            names = self.names(held[name], item, inside)
            with suppress(expressions.Failed):
                self._found[key] = expressions.nodes(held[name], *self.focus(item, inside), names)
        return self._found[key]

    def focus(self, item: Item | None, inside: tuple[int, ...]) -> tuple[dict, str]:
        while item is not None and item.type != "group":
            item = item.parent
        if item is None:
            return self.resource, ""
        inside = inside[: len(item.inside)]
        return self.index.get((item.link_id, inside)) or {"linkId": item.link_id}, ROW

    def evaluate(self, expression: str, item: Item, around: tuple[int, ...]) -> list:
        # A repeating group as a whole is spoken of from outside.
        speaker = item.parent if item.is_loop else item
        focus, base = self.focus(speaker, around)
        return expressions.evaluate(expression, focus, self.names(expression, speaker, around), base=base)

    @contextmanager
    def without(self, item: Item, around: tuple[int, ...]) -> Iterator[None]:
        """A computed field must not count its own answer of the turn before."""
        row = self.index.pop((item.link_id, around), None)
        above = item.parent
        holder = self.index.get((above.link_id, around[: len(above.inside)]), {}) if above else self.resource
        lists = [holder.get("item") or [], *(a.get("item") or [] for a in holder.get("answer") or [])]
        held, at = next(((rows, n) for rows in lists for n, one in enumerate(rows) if one is row), (None, 0))
        if row is None or held is None:
            yield
            return
        del held[at]
        self._found.clear()
        try:
            yield
        finally:
            held.insert(at, row)
            self.index[item.link_id, around] = row
            self._found.clear()

    def asks(self, item: Item, around: tuple[int, ...]) -> bool:
        try:
            return self.evaluate(item.enable_expression, item, around)[:1] == [True]
        except expressions.Failed:
            return True  # nothing is lost


@expressions.budget()
def calculate(shape: Shape, typed: Typed, extra: dict | None = None) -> tuple[Typed, dict[str, str]]:
    """The fields with the computed ones filled in, and what failed by field name. Computed fields may feed each other."""
    computed = shape.calculated
    if not computed:
        return typed, {}
    links = tuple(name_of(item.link_id) for item in computed)
    # Never what the page sent: the server alone computes.
    typed = {
        n: v
        for n, v in typed.items()
        if n not in links and not n.startswith(tuple(f"{link}{c}" for link in links for c in "~."))
    }
    where = [(item, around) for item, around in places(shape, typed) if item.calculated and item.asks]
    failed: dict[str, str] = {}
    before = None
    for _turn in range(min(len(where) + 1, 12)):
        scene = Scene.of(shape, typed, disabled(shape, typed, extra), extra)
        for item, around in where:
            name = name_of(item.link_id, around)
            for gone in (name, f"{name}.unit", f"{name}.other"):
                typed.pop(gone, None)
            try:
                with scene.without(item, around):
                    found = scene.evaluate(item.calculated, item, around)
            except expressions.Failed:
                failed[name] = item.link_id
                continue
            failed.pop(name, None)
            texts = [t for one in found if (t := put_text(item, one)) is not None]
            if texts:
                place = f"{name}.other" if item.list_gone else name
                typed[place] = texts if item.repeats else texts[:1]
                if item.type == "quantity" and not item.units and isinstance(found[0], dict):
                    typed[f"{name}.unit"] = [str(found[0].get("unit") or "")]
        now = {name: typed[name] for name in sorted(typed) if name.startswith(links)}
        if now == before:
            break
        before = now
    return typed, failed


@expressions.budget()
def broken_constraints(shape: Shape, typed: Typed, off: Collection[Key], extra: dict | None = None) -> dict[str, str]:
    """Sentences of the constraints that do not hold, by field name; the form's own under ""."""
    held = [item for item in shape.by_link.values() if item.constraints]
    if not held and not shape.constraints:
        return {}
    scene = Scene.of(shape, typed, off, extra)
    found: dict[str, str] = {}

    def check(constraints, item: Item | None, inside: tuple[int, ...], focus: dict, base: str) -> None:
        for one in constraints:
            if one.severity != "error":
                continue
            try:
                result = expressions.evaluate(
                    one.expression, focus, scene.names(one.expression, item, inside), base=base
                )
            except expressions.Failed:
                continue
            if result[:1] == [False]:
                found.setdefault(
                    name_of(item.link_id, inside) if item else "", one.human or _("La réponse ne convient pas.")
                )

    check(shape.constraints, None, (), scene.resource, "")
    for item in held:
        for (link, inside), row in scene.index.items():
            if link == item.link_id:
                check(item.constraints, item, inside, row, ROW)
    return found
