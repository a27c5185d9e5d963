"""Rendering, reading, conditions and computations, without a view."""

import json
from decimal import Decimal

import fhirpathpy
import pytest
from fhirpathpy.models import models as fhir_models
from hypothesis import given
from hypothesis import strategies as st

from cercle.care.questionnaires import conditions, expressions, forms, library, shape
from cercle.care.questionnaires.answers import name_of, typed_from, typed_of, with_instance, without_instance
from tests.factories import questionnaires as q

LIBRARY = sorted(p.stem for p in library.FOLDER.glob("*.json"))


def parsed(content, **typed):
    return forms.parse(content, {f"q-{k}": v if isinstance(v, list) else [v] for k, v in typed.items()})


def links(items) -> list[str]:
    return [i["linkId"] for i in items]


@pytest.mark.parametrize("name", LIBRARY)
def test_every_shipped_form_is_sound_and_shown(name):
    content = json.loads((library.FOLDER / f"{name}.json").read_text())
    assert shape.faults(content) == [] and shape.unsupported(content) == []
    page = forms.render(content, None)
    for item in shape.read(content).walk():
        if item.asks and not item.calculated:
            assert f'name="q-{item.link_id}' in page


def test_answers_survive_the_road_to_the_fields_and_back():
    content = q.data(
        q.item("g", "group", item=[q.item("n", "integer"), q.item("d", "decimal")]), q.choice("c", "a", "b"),
        q.choice("m", "x", "y", repeats=True), q.choice("o", "a", kind="open-choice"), q.item("b", "boolean"), q.item("day", "date"),
        q.item("loop", "group", repeats=True, item=[q.item("who"), q.item("when", "date")]), q.item("long", "text"),
        q.item("w", "quantity", extension=[{"url": shape.HL7 + "questionnaire-unit", "valueCoding": {"code": "kg", "display": "kg"}}]),
    )  # fmt: skip
    post = {
        "q-n": ["3"], "q-d": ["1 234,5"], "q-c": ["urn:test|a"], "q-m": ["urn:test|x", "urn:test|y"], "q-o.other": ["le voisin"],
        "q-b": ["false"], "q-day": ["31/12/2026"], "n-loop": ["2"], "q-who~0": ["Ana"], "q-who~1": ["Ben"], "q-when~1": ["2026-01-02"],
        "q-long": ["a\r\nb"], "q-w": ["72,5"],
    }  # fmt: skip
    items, errors = forms.parse(content, post)
    assert errors == {}
    by_link = {i["linkId"]: i for i in items}
    assert by_link["g"]["item"][1]["answer"] == [{"valueDecimal": 1234.5}]
    assert by_link["o"]["answer"] == [{"valueString": "le voisin"}] and by_link["day"]["answer"] == [
        {"valueDate": "2026-12-31"}
    ]
    assert by_link["w"]["answer"] == [{"valueQuantity": {"value": 72.5, "unit": "kg", "code": "kg"}}]
    assert [i["item"][0]["answer"] for i in items if i["linkId"] == "loop"] == [
        [{"valueString": "Ana"}],
        [{"valueString": "Ben"}],
    ]
    assert by_link["long"]["answer"] == [{"valueString": "a\nb"}]
    again, errors = forms.parse(content, typed_from(shape.read(content), items))
    assert (again, errors) == (items, {})


@pytest.mark.parametrize(
    ("kind", "text"),
    [("integer", "douze"), ("integer", "1,5"), ("integer", "9" * 40), ("decimal", "1e309"), ("decimal", "²"), ("date", "31/02/2026"),
     ("time", "25:00"), ("dateTime", "hier"), ("boolean", "peut-être"), ("attachment", "../../etc")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_stays_in_its_field(kind, text):
    content = q.data(q.item("a", kind), q.item("b"))
    items, errors = parsed(content, a=text, b="gardé")
    assert list(errors) == ["q-a"] and links(items) == ["b"]
    if kind not in {"boolean", "attachment"}:
        assert text in forms.render(content, None, errors, typed={"q-a": [text]})


def test_constraints_are_said_in_words():
    url = shape.HL7
    content = q.data(
        q.item("age", "integer", required=True, extension=[{"url": url + "minValue", "valueInteger": 0}, {"url": url + "maxValue", "valueInteger": 120}]),
        q.item("cp", extension=[{"url": url + "regex", "valueString": "[0-9]{5}"}, {"url": url + "entryFormat", "valueString": "29000"}]),
        q.item("mot", maxLength=5), q.constrained("pair", "answer.value mod 2 = 0", "Un nombre pair."),
    )  # fmt: skip
    _items, errors = parsed(content, age="130", cp="2900", mot="anticonstitutionnel", pair="3")
    assert errors["q-age"] == "La valeur la plus haute est 120." and "29000" in errors["q-cp"]
    assert "5" in errors["q-mot"] and errors["q-pair"] == "Un nombre pair."
    assert parsed(content)[1] == {"q-age": "Cette réponse est nécessaire."}
    assert parsed(content, age="84", cp="29000", mot="court", pair="4")[1] == {}


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "([a-z]+)*"])
def test_a_pattern_that_could_take_for_ever_is_not_applied_and_it_is_said(pattern):
    content = q.data(q.item("a", extension=[{"url": shape.HL7 + "regex", "valueString": pattern}]))
    assert shape.safe_regex(pattern) is None and len(shape.unsupported(content)) == 1
    assert parsed(content, a="a" * 5000)[1] == {}


def test_what_is_not_asked_is_not_answered_nor_required():
    content = q.data(
        q.choice("aide", "oui", "non"),
        q.item("qui", required=True, enableWhen=[q.when("aide", "=", answerCoding={"code": "oui"})]),
    )
    assert links(parsed(content, aide="urn:test|non", qui="ma fille")[0]) == ["aide"]
    assert parsed(content, aide="urn:test|oui")[1] == {"q-qui": "Cette réponse est nécessaire."}


def test_conditions_inside_a_repeating_group_look_at_their_own_instance():
    content = q.data(
        q.item(
            "loop",
            "group",
            repeats=True,
            item=[
                q.item("fume", "boolean"),
                q.item("combien", "integer", enableWhen=[q.when("fume", "=", answerBoolean=True)]),
            ],
        )
    )
    items, errors = forms.parse(
        content,
        {"n-loop": ["2"], "q-fume~0": ["true"], "q-combien~0": ["3"], "q-fume~1": ["false"], "q-combien~1": ["9"]},
    )
    assert errors == {} and [links(i["item"]) for i in items] == [["fume", "combien"], ["fume"]]


def test_a_ring_of_conditions_is_named_and_loses_nothing():
    content = q.data(
        q.item("a", text="Un", enableWhen=[q.when("b")]), q.item("b", text="Deux", enableWhen=[q.when("a")])
    )
    problems = shape.faults(content)
    assert len(problems) == 1 and "Un" in problems[0] and "Deux" in problems[0]
    assert links(parsed(content, a="x", b="y")[0]) == ["a", "b"]
    assert "hidden" not in forms.render(content, None, typed={"q-a": ["x"], "q-b": ["y"]}).split("q-a")[1][:40]


def test_a_group_is_added_and_taken_out_without_losing_the_others():
    content = q.data(q.item("loop", "group", repeats=True, item=[q.item("who")]))
    typed = {"n-loop": ["3"], "q-who~0": ["a"], "q-who~1": ["b"], "q-who~2": ["c"]}
    assert with_instance(typed, "n-loop")["n-loop"] == ["4"]
    assert without_instance(shape.read(content), typed, "n-loop", 1) == {
        "n-loop": ["2"],
        "q-who~0": ["a"],
        "q-who~1": ["c"],
    }


def test_ten_thousand_lines_are_kept_whole_and_the_limit_is_said():
    text = "une ligne collée\n" * 10_000
    content = q.data(q.item("t", "text", maxLength=2000), q.item("u", "text"))
    items, errors = parsed(content, t=text, u=text)
    assert list(errors) == ["q-t"] and items[0]["answer"] == [{"valueString": text}]
    assert typed_of({"q-t": [text]})["q-t"] == [text]


def test_computed_fields_feed_each_other_and_never_come_from_the_page():
    content = q.data(
        q.item("a", "integer"), q.item("b", "integer"),
        q.calculated("double", "%resource.item.where(linkId='sum').answer.value * 2"),
        q.calculated("sum", "%resource.item.where(linkId='a' or linkId='b').answer.value.sum()"),
    )  # fmt: skip
    items, _errors = parsed(content, a="3", b="4", double="999", sum="999")
    assert {i["linkId"]: i["answer"][0]["valueInteger"] for i in items} == {"a": 3, "b": 4, "double": 14, "sum": 7}
    assert forms.score(content, {"item": items}) == {"items": {"double": 14, "sum": 7}, "value": 14}


def test_a_failing_computation_is_said_and_stops_nothing():
    content = q.data(q.item("a"), q.calculated("c", "%resource.item.where(linkId='a').answer.value / 'x'"))
    assert links(parsed(content, a="mot")[0]) == ["a"]
    assert "n’est pas possible" in forms.render(content, None, typed={"q-a": ["mot"]})


def test_weights_of_answers_are_summed():
    options = [
        {
            "extension": [{"url": shape.HL7 + "ordinalValue", "valueDecimal": w}],
            "valueCoding": {"system": "s", "code": c},
        }
        for c, w in (("x", 2), ("y", 3.5))
    ]
    content = q.data(
        q.item("a", "choice", answerOption=options), q.item("b", "choice", answerOption=options),
        q.calculated("t", "%resource.item.answer.value.weight().sum()", "decimal"),
    )  # fmt: skip
    items, _ = parsed(content, a="s|x", b="s|y")
    assert items[-1]["answer"] == [{"valueDecimal": 5.5}]


@pytest.mark.parametrize("expression", ["1 +* 2", "", "(((", "%resource.item.where(", "a" * 3000 + "("])
def test_an_expression_that_does_not_read_is_refused_at_publication(expression):
    content = q.data(q.item("a"), q.calculated("c", expression or "("))
    assert any("Question c" in f for f in shape.faults(content))


def test_texts_are_never_markup():
    content = q.data(q.item("a", text="<script>alert(1)</script>"), q.choice("b", "<b>", text='"><img>'))
    page = forms.render(content, None, {"q-a": "<i>"}, typed={"q-a": ['"><script>']})
    assert "<script>" not in page and "<img>" not in page and "<i>" not in page and "<b>" not in page


@pytest.mark.parametrize("bad", [None, 3, [], {}, {"resourceType": "Patient"}, {"resourceType": "Questionnaire"}, {"resourceType": "Questionnaire", "item": [None, 3, {"linkId": 4}]},
                                 {"resourceType": "Questionnaire", "item": [{"linkId": "a"}, {"linkId": "a"}]}])  # fmt: skip
def test_what_is_not_a_form_is_refused_in_words(bad):
    assert shape.faults(bad)


def test_a_form_from_elsewhere_says_what_it_loses():
    content = q.data(
        q.item("a", "signature"), q.item("b", extension=[{"url": "http://x/rare", "valueString": "1"}]), q.item("c", "choice", answerValueSet="#parti"),
        q.item("d", prefix="1", somethingElse=True),
    )  # fmt: skip
    said = " ".join(shape.unsupported(content))
    assert all(word in said for word in ("signature", "rare", "parti", "somethingElse")) and not shape.faults(content)
    assert parsed(content, a="texte", **{"c.other": "dit autrement"})[1] == {}
    items = parsed(content, **{"c.other": "dit autrement"})[0]
    assert items == [{"linkId": "c", "text": "Question c", "answer": [{"valueString": "dit autrement"}]}]


# --- Against fhirpath's own evaluation ------------------------------------------------------------------------------
VALUES = {
    "n": (st.integers(-3, 3), lambda v: {"valueInteger": v}, lambda v: {"answerInteger": v}, str),
    "d": (st.sampled_from([Decimal("-1.5"), Decimal("0"), Decimal("2.25")]), lambda v: {"valueDecimal": float(v)}, lambda v: {"answerDecimal": float(v)}, str),
    "s": (st.sampled_from(["a", "b", "été"]), lambda v: {"valueString": v}, lambda v: {"answerString": v}, lambda v: f"'{v}'"),
    "t": (st.sampled_from(["2026-01-02", "2025-12-31"]), lambda v: {"valueDate": v}, lambda v: {"answerDate": v}, lambda v: f"@{v}"),
    "y": (st.booleans(), lambda v: {"valueBoolean": v}, lambda v: {"answerBoolean": v}, lambda v: str(v).lower()),
}  # fmt: skip


@st.composite
def cases(draw):
    kind = draw(st.sampled_from(sorted(VALUES)))
    values, answer, wanted, literal = VALUES[kind]
    operator = draw(st.sampled_from(["exists", "=", "!="] + ([">", "<", ">=", "<="] if kind in "ndt" else [])))
    given_ = [answer(v) for v in draw(st.lists(values, max_size=3))]
    if operator == "exists":
        told = draw(st.booleans())
        return conditions.Condition("q", "exists", told), given_, "$q.exists()" + ("" if told else ".not()")
    target = draw(values)
    compared = {"=": f"$this = {literal(target)}", "!=": f"$this = {literal(target)}"}.get(
        operator, f"$this {operator} {literal(target)}"
    )
    path = f"$q.where({compared}).{'empty' if operator == '!=' else 'exists'}()"
    return conditions.Condition("q", operator, next(iter(wanted(target).values()))), given_, path


@given(cases())
def test_conditions_say_what_fhirpath_says(case):
    condition, given_, path = case
    resource = {"resourceType": "QuestionnaireResponse", "item": [{"linkId": "q", "answer": given_}] if given_ else []}
    path = path.replace("$q", "QuestionnaireResponse.item.where(linkId='q').answer.value")
    assert fhirpathpy.evaluate(resource, path, {}, fhir_models["r4"]) == [conditions.holds(condition, given_)]


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(-50, 50)),
    st.sampled_from(["sum()", "count()", "min()", "max()", "where($this > 0).count()"]),
)
def test_computed_fields_are_what_fhirpath_says(values, ending):
    path = f"%resource.item.where(linkId != 'total').answer.value.{ending}"
    content = q.data(*(q.item(link, "integer") for link in "abcde"), q.calculated("total", path))
    items, _errors = parsed(content, **{k: str(v) for k, v in values.items()})
    resource = {
        "resourceType": "QuestionnaireResponse",
        "status": "in-progress",
        "item": [i for i in items if i["linkId"] != "total"],
    }
    wanted = expressions.evaluate(path, resource, {"resource": resource})
    found = [a["valueInteger"] for i in items if i["linkId"] == "total" for a in i["answer"]]
    assert found == wanted
    numbers = list(values.values())
    plain = {
        "sum()": sum(numbers),
        "count()": len(numbers),
        "min()": min(numbers, default=None),
        "max()": max(numbers, default=None),
    }
    assert found == [v for v in [plain.get(ending, sum(n > 0 for n in numbers))] if v is not None]


@given(
    st.dictionaries(
        st.text(max_size=12).map(lambda t: f"q-{t}"), st.lists(st.text(max_size=40), max_size=3), max_size=6
    )
)
def test_nonsense_in_the_fields_is_never_a_failure(post):
    content = json.loads((library.FOLDER / "pre-evaluation.json").read_text())
    names = [name_of(i.link_id) for i in shape.read(content).walk() if i.asks]
    forms.parse(content, post | dict(zip(names, post.values(), strict=False)))
    forms.render(content, None, typed=typed_of(dict(zip(names, post.values(), strict=False))))
