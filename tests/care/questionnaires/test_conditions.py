"""What is asked and what is computed, on whole forms: against fhirpath's own evaluation of the answers."""

import json
from datetime import UTC, datetime

import fhirpathpy
from django.utils import timezone
from fhirpathpy.models import models as fhir_models
from hypothesis import given, settings
from hypothesis import strategies as st

from cercle.care.questionnaires import conditions, forms, shape
from cercle.care.questionnaires.answers import count_name, name_of, typed_from
from tests.factories import questionnaires as q

KG = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
UNIT = [{"url": shape.HL7 + "questionnaire-unit", "valueCoding": {**KG, "display": "kg"}}]
MOMENTS = ["2026-03-29T01:30:00Z", "2026-03-29T03:30:00+02:00", "2026-10-25T03:30:00+01:00"]
# Of each kind: the suffix of FHIR, some values, and the text of the field.
KINDS = {
    "integer": ("Integer", [-1, 0, 2], str),
    "decimal": ("Decimal", [-1.5, 0, 2.25], lambda v: str(v).replace(".", ",")),
    "string": ("String", ["a", "b c", "été"], str),
    "text": ("String", ["a", "b\nc"], str),
    "date": ("Date", ["2026-01-02", "2025-12-31"], str),
    "time": ("Time", ["08:30:00", "14:00:00"], lambda v: v[:5]),
    "dateTime": ("DateTime", MOMENTS, lambda v: timezone.localtime(datetime.fromisoformat(v)).strftime("%Y-%m-%dT%H:%M:%S")),
    "boolean": ("Boolean", [True, False], lambda v: "true" if v else "false"),
    "choice": ("Coding", [{"system": "urn:test", "code": c, "display": c.upper()} for c in "xyz"], lambda v: f"urn:test|{v['code']}"),
    "quantity": ("Quantity", [{"value": n} | KG for n in (1, 2.5)], lambda v: str(v["value"]).replace(".", ",")),
}  # fmt: skip
ORDERED = {"integer", "decimal", "date", "time", "dateTime", "quantity"}


def literal(kind: str, value) -> str:
    """`$this` compared, in FHIRPath."""
    match kind:
        case "choice":
            return f"code = '{value['code']}' and system = '{value['system']}'"
        case "quantity":
            return f"value = {value['value']} and unit = '{value['unit']}'"
        case "string" | "text":
            return "$this = '" + value.replace("\n", "\\n") + "'"
        case "boolean":
            return f"$this = {str(value).lower()}"
        case "integer" | "decimal":
            return f"$this = {value}"
        case "time":
            return f"$this = @T{value}"
    return f"$this = @{value}"


@st.composite
def condition(draw, earlier: dict[str, str]):
    """(enableWhen, what FHIRPath says of the answers) about one of the questions above."""
    link = draw(st.sampled_from(sorted(earlier)))
    kind = earlier[link]
    suffix, values, _text = KINDS[kind]
    operator = draw(st.sampled_from(["exists", "=", "!=", *([">", "<", ">=", "<="] if kind in ORDERED else [])]))
    if operator == "exists":
        told = draw(st.booleans())
        return q.when(link, "exists", answerBoolean=told), (link, "exists()" if told else "exists().not()")
    value = draw(st.sampled_from(values))
    test = literal(kind, value)
    if operator not in ("=", "!="):
        test = test.replace("$this =", f"$this {operator}").replace("value =", f"value {operator}", 1)
    ending = f"where({test})." + ("empty()" if operator == "!=" else "exists()")
    return q.when(link, operator, **{f"answer{suffix}": value}), (link, ending)


@st.composite
def whole_forms(draw):
    """A Questionnaire with groups, repeating groups and questions under questions; FHIRPath of its conditions, by linkId."""
    told: dict[str, tuple[bool, list]] = {}
    earlier: dict[str, str] = {}
    names = iter(f"q{n}" for n in range(100))

    def item(depth: int) -> dict:
        link = next(names)
        shapes = ["question"] * 3 + (["group", "loop", "under"] if depth < 2 else [])
        what = draw(st.sampled_from(shapes))
        kind = draw(st.sampled_from(sorted(KINDS)))
        row = q.item(link, kind if what in ("question", "under") else "group", repeats=what == "loop")
        if row["type"] == "choice":
            row["answerOption"] = [{"valueCoding": v} for v in KINDS["choice"][1]]
        if row["type"] == "quantity":
            row["extension"] = UNIT
        rules = draw(st.lists(condition(earlier), max_size=3)) if earlier else []
        if rules:
            some = draw(st.booleans())
            row |= {"enableWhen": [when for when, _path in rules], "enableBehavior": "any" if some else "all"}
            told[link] = (some, [path for _when, path in rules])
        if row["type"] != "group":
            earlier[link] = kind
        if what != "question":
            row["item"] = [item(depth + 1) for _n in range(draw(st.integers(1, 3)))]
        return row

    rows = [item(0) for _n in range(draw(st.integers(2, 5)))]
    return q.data(*rows), told


@st.composite
def answered(draw):
    content, told = draw(whole_forms())
    values, typed = {}, {}

    def fill(items, around):
        for row in items:
            if row["type"] == "group" and row["repeats"]:
                count = draw(st.integers(1, 3))
                typed[count_name(row["linkId"], around)] = [str(count)]
                for n in range(count):
                    fill(row["item"], (*around, n))
                continue
            if row["type"] != "group" and draw(st.integers(0, 3)):
                suffix, some, text = KINDS[row["type"]]
                value = draw(st.sampled_from(some))
                values[row["linkId"], around] = {f"value{suffix}": value}
                typed[name_of(row["linkId"], around)] = [text(value)]
            fill(row.get("item", []), around)

    fill(content["item"], ())
    return content, told, values, typed


def says(focus: list[dict], link: str, ending: str) -> bool:
    resource = {"resourceType": "QuestionnaireResponse", "item": focus}
    path = f"QuestionnaireResponse.descendants().where(linkId = '{link}').answer.value.{ending}"
    return fhirpathpy.evaluate(resource, path, {}, fhir_models["r4"]) == [True]


def by_the_book(content, told, values, typed) -> tuple[set, set]:
    """(not asked, answers that count): one question after the other, each condition asked of FHIRPath on the answers so far."""
    off: set = set()
    whole: list[dict] = []

    def walk(items, around, rows, loops, asked):
        for row in items:
            link = row["linkId"]
            any_, paths = told.get(link, (False, []))
            found = []
            for question, ending in paths:
                # The innermost repetition that holds both; outside any, the whole answer.
                near = next((held for inside, held in reversed(loops) if question in inside), whole)
                found.append(says(near, question, ending))
            here = asked and (not found or (any(found) if any_ else all(found)))
            if not here:
                off.add((link, around))
            if row["type"] == "group" and row["repeats"]:
                for n in range(int(typed[count_name(link, around)][0])):
                    one = {"linkId": link, "item": []}
                    rows.append(one)
                    inside = {r["linkId"] for r in every(row["item"])}
                    walk(row["item"], (*around, n), one["item"], [*loops, (inside, one["item"])], here)
                continue
            one = {"linkId": link, "item": []}
            if here and (link, around) in values:
                one["answer"] = [values[link, around]]
            rows.append(one)
            walk(row.get("item", []), around, one["item"], loops, here)

    walk(content["item"], (), whole, [], True)
    return off, {(link, around) for link, around in values if (link, around) not in off}


def every(items):
    for row in items:
        yield row
        yield from every(row.get("item", []))


@settings(max_examples=150, deadline=None)
@given(answered())
def test_a_whole_form_asks_what_fhirpath_says_and_keeps_those_answers_only(case):
    content, told, values, typed = case
    off, counted = by_the_book(content, told, values, typed)
    form = shape.read(content)
    assert conditions.disabled(form, typed) == off
    items, errors = forms.parse(content, typed)
    assert errors == {}
    assert sorted(map(plain, answers_in(items))) == sorted(plain(values[key]) for key in counted)
    assert forms.parse(content, typed_from(form, items)) == (items, {})


def plain(answer: dict) -> str:
    if moment := answer.get("valueDateTime"):
        answer = {"valueDateTime": datetime.fromisoformat(moment).timestamp()}
    return json.dumps(answer, sort_keys=True)


def answers_in(items):
    for row in items:
        for answer in row.get("answer", []):
            yield {kind: value for kind, value in answer.items() if kind != "item"}
            yield from answers_in(answer.get("item", []))
        yield from answers_in(row.get("item", []))


# --- Computed fields --------------------------------------------------------------------------------------------------
TERMS = {
    "a": "item.where(linkId='a').answer.value",
    "sum": "item.where(linkId='a' or linkId='b').answer.value.aggregate($this + $total, 0)",
    "count": "item.answer.count()",
    "both": "iif(item.where(linkId='a').exists() and item.where(linkId='b').exists(), 1, 0)",
    "more": "iif(item.where(linkId='a').answer.value > item.where(linkId='b').answer.value, 10, 20)",
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.integers(-20, 20), st.none() | st.integers(-20, 20)), min_size=1, max_size=4),
    st.sampled_from(sorted(TERMS)),
    st.sampled_from(sorted(TERMS)),
)
def test_each_instance_computes_its_own_and_the_whole_sees_them_all(pairs, first, second):
    """A variable of the group, a field computed in each instance, a total that reads the computed fields."""
    group = q.item("loop", "group", repeats=True, item=[
        q.item("a", "integer"), q.item("b", "integer"), q.calculated("c", f"%own + ({TERMS[second]})"),
    ])  # fmt: skip
    group["extension"] = [q.variable("own", TERMS[first])]
    total = "%resource.item.where(linkId='loop').item.where(linkId='c').answer.value.sum()"
    content = q.data(q.calculated("total", total), group)
    typed = {"n-loop": [str(len(pairs))]}
    for n, (a, b) in enumerate(pairs):
        typed |= {f"q-a~{n}": [] if a is None else [str(a)], f"q-b~{n}": [] if b is None else [str(b)]}
    items, errors = forms.parse(content, typed)
    assert errors == {}
    wanted = []
    for a, b in pairs:
        rows = [{"linkId": k, "answer": [{"valueInteger": v}]} for k, v in (("a", a), ("b", b)) if v is not None]
        resource = {"resourceType": "QuestionnaireResponse", "item": rows}
        found = fhirpathpy.evaluate(resource, f"({TERMS[first]}) + ({TERMS[second]})", {}, fhir_models["r4"])
        if rows or found:
            wanted.append((a, b, int(found[0]) if found else None))
    got = []
    for row in items:
        if row["linkId"] == "loop":
            one = {r["linkId"]: r["answer"][0]["valueInteger"] for r in row["item"]}
            got.append((one.get("a"), one.get("b"), one.get("c")))
    assert got == wanted
    totals = [r["answer"][0]["valueInteger"] for r in items if r["linkId"] == "total"]
    assert totals == [sum(c for _a, _b, c in wanted if c is not None)]


def test_an_expression_hides_in_its_own_instance_and_sees_only_what_is_asked():
    content = q.data(
        q.item("ouvre", "boolean"), q.item("n", "integer", enableWhen=[q.when("ouvre", "=", answerBoolean=True)]),
        q.shown_if("suite", "%resource.item.where(linkId='n').answer.value > 3"),
        q.item("loop", "group", repeats=True, item=[q.item("k", "integer"), q.shown_if("detail", "item.where(linkId='k').answer.value > 1")]),
    )  # fmt: skip
    typed = {"q-ouvre": ["true"], "q-n": ["4"], "q-suite": ["oui"], "n-loop": ["2"], "q-k~0": ["1"], "q-k~1": ["2"]}
    typed |= {"q-detail~0": ["x"], "q-detail~1": ["y"]}
    form = shape.read(content)
    assert conditions.disabled(form, typed) == {("detail", (0,))}
    # « n » is no longer asked: what it holds opens nothing.
    assert conditions.disabled(form, typed | {"q-ouvre": ["false"]}) == {("n", ()), ("suite", ()), ("detail", (0,))}
    page = forms.render(content, None, typed=typed)
    assert "[&quot;q-detail~0&quot;]" in page


def test_variables_are_those_of_the_nearest_and_one_that_asks_for_itself_finds_nothing():
    outer = q.item(
        "g", "group", item=[q.item("a", "integer"), q.calculated("c", "%x + 1"), q.calculated("d", "%turn.count()")]
    )
    outer["extension"] = [q.variable("x", "item.where(linkId='a').answer.value"), q.variable("turn", "%turn")]
    content = q.data(outer, q.calculated("e", "%x + 100"), extension=[q.variable("x", "1")])
    items, _errors = forms.parse(content, {"q-a": ["5"]})
    found = {r["linkId"]: r["answer"][0]["valueInteger"] for top in items for r in (top.get("item") or [top])}
    assert found == {"a": 5, "c": 6, "d": 0, "e": 101}


def test_a_form_that_computes_without_end_gives_its_page_all_the_same(monkeypatch):
    monkeypatch.setattr(conditions.expressions, "SECONDS", -1)
    content = q.data(q.item("a", "integer"), q.calculated("c", "%resource.item.count()"), q.shown_if("d", "false"))
    assert "n’est pas possible" in forms.render(content, None, typed={"q-a": ["1"]})
    items, errors = forms.parse(content, {"q-a": ["1"], "q-d": ["gardé"]})
    assert [i["linkId"] for i in items] == ["a", "d"] and errors == {}


def test_moments_are_compared_as_moments_and_units_as_told():
    same = {"valueDateTime": "2026-03-29T03:30:00+02:00"}
    assert conditions.holds(conditions.Condition("q", "=", "2026-03-29T01:30:00Z"), [same])
    assert conditions.holds(
        conditions.Condition("q", ">=", datetime(2026, 3, 29, 1, 30, tzinfo=UTC).isoformat()), [same]
    )
    weight = {"valueQuantity": {"value": 3} | KG}
    for wanted, holds in (({"value": 3}, True), ({"value": 3, "unit": "kg"}, True), ({"value": 3, "code": "g"}, False)):
        assert conditions.holds(conditions.Condition("q", "=", wanted), [weight]) is holds
