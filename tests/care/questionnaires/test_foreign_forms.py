"""Questionnaires from elsewhere: what is applied, what is named, what is kept; lists too long for a page; shipped forms at set-up."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.care.questionnaires import actions, editing, forms, library, queries, rendering, shape
from cercle.care.questionnaires.answers import typed_from
from cercle.care.questionnaires.instruments.base import Rights, Tier
from cercle.care.questionnaires.instruments.registry import INSTRUMENTS, questionnaire
from cercle.care.questionnaires.models import Questionnaire, Response
from cercle.people.directory import reference
from cercle.people.directory.models import Code, CodeSet
from tests import factories as make
from tests.factories import questionnaires as q

SYSTEM = "urn:oid:1.2.3"


def parsed(content, **typed):
    return forms.parse(content, {f"q-{k}": v if isinstance(v, list) else [v] for k, v in typed.items()})


def only(items, link):
    return next((row["answer"] for row in items if row["linkId"] == link), [])


# --- What is applied --------------------------------------------------------------------------------------------------
def test_older_and_newer_fhir_is_read():
    content = q.data(
        q.item("stu3", "choice", option=[{"valueCoding": {"code": "a", "display": "A"}}]),
        q.item("r5", "coding", answerConstraint="optionsOrString", answerOption=[{"valueString": "x"}]),
        q.item("suite", enableWhen=[{"question": "stu3", "hasAnswer": True}]),
        q.item("autre", enableWhen=[{"question": "stu3", "answerCoding": {"code": "a"}}]),
    )
    assert shape.unsupported(content) == [] and shape.faults(content) == []
    items, errors = parsed(content, stu3="|a", suite="oui", autre="oui", **{"r5.other": "dit autrement"})
    assert errors == {} and [i["linkId"] for i in items] == ["stu3", "r5", "suite", "autre"]
    assert only(items, "r5") == [{"valueString": "dit autrement"}]


def test_a_form_is_read_in_one_s_own_language():
    told = {"extension": [{"url": shape.HL7 + "translation", "extension": [
        {"url": "lang", "valueCode": "fr-FR"}, {"url": "content", "valueString": "Fume-t-il ?"}]}]}  # fmt: skip
    content = q.data(q.item("a", text="Does he smoke?", _text=told))
    assert shape.unsupported(content) == []
    with translation.override("fr"):
        assert "Fume-t-il" in forms.render(content, None)
    with translation.override("en"):
        assert "Does he smoke" in forms.render(content, None)


@pytest.mark.django_db
def test_lists_inside_the_form_and_what_they_lack():
    def held(name, **more):
        return {"resourceType": "ValueSet", "id": name, "url": f"urn:vs:{name}"} | more

    concepts = [{"code": "a", "display": "A"}, {"code": "b", "display": "B"}]
    contained = [
        held("base", compose={"include": [{"system": SYSTEM, "concept": concepts}]}),
        held("sans", compose={"include": [{"valueSet": ["#base"]}], "exclude": [{"system": SYSTEM, "concept": [{"code": "b"}]}]}),
        held("filtre", compose={"include": [{"system": SYSTEM, "concept": concepts}, {"system": SYSTEM, "filter": [{}]}]}),
        held("arbre", expansion={"contains": [{"abstract": True, "code": "x", "contains": [{"system": SYSTEM, "code": "a"}]}]}),
    ]  # fmt: skip
    names = ("#base", "#sans", "urn:vs:filtre", "#arbre", "#absente", "urn:ailleurs")
    content = q.data(
        *(q.item(f"i{n}", "choice", answerValueSet=name) for n, name in enumerate(names)), contained=contained
    )
    form = shape.read(content)
    assert [[o.key.partition("|")[2] for o in item.options] for item in form.items] == [
        ["a", "b"],
        ["a"],
        ["a", "b"],
        ["a"],
        [],
        [],
    ]
    said = " ".join(shape.unsupported(content))
    assert "« filtre » n’est pas donnée en entier" in said and "absente" in said and "ailleurs" in said
    items, errors = parsed(content, **{"i2.other": "une autre", "i4.other": "écrite", "i5.other": "écrite"})
    assert errors == {} and only(items, "i2") == [{"valueString": "une autre"}] and only(items, "i5")


def test_a_choice_without_any_list_can_be_answered_in_words():
    content = q.data(q.item("a", "choice", required=True))
    assert parsed(content, **{"a.other": "le voisin"}) == ([q.answer("a", valueString="le voisin")], {})
    assert "écrivez la réponse" not in forms.render(content, None)


def test_a_group_that_is_needed_or_asked_twice_says_so():
    many = {"url": shape.HL7 + "questionnaire-minOccurs", "valueInteger": 2}
    content = q.data(
        q.item("g", "group", required=True, item=[q.item("a")]),
        q.item("loop", "group", repeats=True, extension=[many], item=[q.item("b")]),
    )
    assert parsed(content)[1] == {"q-g": "Répondez à une de ces questions au moins."}
    assert "q-b~1" in forms.render(content, None)  # twice from the start
    assert parsed(content, a="x", **{"b~0": "y"})[1] == {"q-loop": "Donnez au moins 2 réponses."}
    page = forms.render(content, None, {"q-g": "Répondez."})
    assert 'href="#q-g"' in page and 'id="q-g"' in page
    assert parsed(content, a="x", **{"b~0": "y", "b~1": "z"})[1] == {}


def test_what_is_hidden_keeps_its_values_and_never_forbids_to_sign():
    hide = [{"url": shape.HL7 + "questionnaire-hidden", "valueBoolean": True}]
    content = q.data(
        q.item("h", required=True, extension=hide), q.item("s", enableWhen=[q.when("h", "=", answerString="oui")]),
        q.item("l", "group", repeats=True, extension=hide, item=[q.item("k")]),
    )  # fmt: skip
    page = forms.render(content, None, typed={"q-h": ["oui"], "n-l": ["2"], "q-k~0": ["un"], "q-k~1": ["deux"]})
    for name, value in (("q-h", "oui"), ("n-l", "2"), ("q-k~1", "deux")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert 'data-q="h"' in page and parsed(content)[1] == {}


def test_a_choice_to_be_read_only_is_shown_in_words_and_sent_back():
    content = q.data(q.choice("c", "a", "b", readOnly=True), q.item("o", "boolean", readOnly=True))
    page = forms.render(content, None, typed={"q-c": ["urn:test|b"], "q-o": ["false"]})
    assert (
        "radio" not in page
        and 'value="B" readonly' in page
        and 'name="q-c" value="urn:test|b"' in page
        and 'value="Non"' in page
    )


def test_bounds_of_days_hours_and_moments():
    def bounds(kind, least, most):
        suffix = kind[0].upper() + kind[1:]
        found = ((shape.HL7 + "minValue", least), (shape.HL7 + "maxValue", most))
        return [{"url": url, f"value{suffix}": value} for url, value in found]

    content = q.data(
        q.item("h", "time", extension=bounds("time", "08:00:00", "18:00:00")),
        q.item("m", "dateTime", extension=bounds("dateTime", "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")),
    )
    assert set(parsed(content, h="07:59", m="2025-12-31T23:00")[1]) == {"q-h", "q-m"}
    assert parsed(content, h="08:00", m="2026-06-01T10:00")[1] == {}


@pytest.mark.parametrize("pattern", [r"^\d{5}$", r"0[1-9]([ .-]?[0-9]{2}){4}", r"[^@\s]+@[^@\s]+\.[a-z]+", "(oui|non)"])
def test_usual_patterns_are_applied(pattern):
    assert shape.safe_regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a{1,40}){1,40}", ".*.*.*.*x", r"(a)\1*", "(?=a*)*b", "(a|b|ab)*c", "((a?){60}){60}"]
)
def test_costly_patterns_are_not(pattern):
    assert shape.safe_regex(pattern) is None


# --- What is named ----------------------------------------------------------------------------------------------------
def test_each_part_is_named_once_with_the_questions_it_is_about():
    rare = [{"url": "http://x/rare", "valueString": "1"}]
    xhtml = {"extension": [{"url": shape.HL7 + "rendering-xhtml", "valueString": "<b>x</b>"}]}
    control = {"coding": [{"code": "gtable"}]}
    query = {"language": "application/x-fhir-query", "expression": "Patient?x", "name": "p"}
    warning = [{"url": "expression", "valueString": "true"}, {"url": "severity", "valueCode": "warning"}, {"url": "human", "valueString": "Attention."}]  # fmt: skip
    content = q.data(
        *(q.item(f"r{n}", extension=rare) for n in range(5)), q.item("x", _text=xhtml),
        q.item("g", "group", extension=[{"url": shape.HL7 + "questionnaire-itemControl", "valueCodeableConcept": control}], item=[q.item("k")]),
        q.item("v", extension=[{"url": shape.HL7 + "variable", "valueExpression": query}]),
        q.item("w", extension=[{"url": shape.HL7 + "questionnaire-constraint", "extension": warning}]),
        q.choice("m", "a", repeats=True, item=[q.item("under")]),
        q.item("o", "choice", answerOption=[{"valueCoding": {"code": "a"}, "extension": rare}]), modifierExtension=rare,
    )  # fmt: skip
    said = shape.unsupported(content)
    assert "« Question r0 », « Question r1 », « Question r2 » et 3 autres" in said[0].replace("\u00a0", " ")
    for word in (
        "rendering-xhtml",
        "gtable",
        "x-fhir-query",
        "Attention.",
        "une fois par réponse",
        "modifierExtension",
    ):
        assert any(word in one for one in said), word
    assert len(said) == 7


def imported(client, content: bytes):
    return client.post("/formulaires/importer/", {"file": SimpleUploadedFile("x.json", content)}, follow=True)


@pytest.fixture
def region(client, settings):
    settings.MFA_REQUIRED = False
    return make.sign_in(client, make.user(kind="operator", email="region@exemple.fr"))


@pytest.mark.django_db
def test_a_ring_of_conditions_is_kept_named_and_never_published(region):
    ring = q.data(
        q.item("a", text="Un", enableWhen=[q.when("c")]), q.item("b", text="Deux", enableWhen=[q.when("a")]),
        q.item("c", text="Trois", enableWhen=[q.when("b")]), q.calculated("d", "1 +* 2"),
    )  # fmt: skip
    page = imported(region, json.dumps(ring).encode()).content.decode()
    row = Questionnaire.objects.get()
    assert row.data == ring and row.is_draft
    for word in ("tournent en rond", "Un", "Deux", "Trois", "ne se lit pas"):
        assert word in page
    region.post(reverse("questionnaires:decide", args=[row.pk]), {"verb": "publish"})
    row.refresh_from_db()
    assert row.is_draft


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [b'{"resourceType":"Questionnaire","item":[{"linkId":"a","maxLength":NaN}]}', b'{"resourceType":"Questionnaire","item":[{"linkId":"a","text":"\\ud800"}]}',
     b'{"resourceType":"Questionnaire","item":[{"linkId":"a"},{"linkId":"a"}]}', b'{"resourceType":"Questionnaire","item":[{"text":"sans repere"}]}'],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_in_words(region, content):
    page = imported(region, content)
    assert page.status_code == 200 and 'role="alert"' in page.content.decode() and not Questionnaire.objects.exists()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "code", "extension", "valueCoding"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
PARTS = sorted({*shape.KNOWN_ITEM, "unit"} - {"item", "answerValueSet", "options"})


@given(st.lists(st.dictionaries(st.sampled_from(PARTS), JUNK, max_size=4), max_size=3), st.dictionaries(st.sampled_from(["extension", "contained", "url", "title", "version"]), JUNK, max_size=2))  # fmt: skip
def test_nonsense_in_a_file_is_never_a_failure(rows, root):
    content = {
        "resourceType": "Questionnaire",
        "item": [{"linkId": str(n), "type": "string"} | row for n, row in enumerate(rows)],
    } | root
    if not shape.broken(content):
        shape.faults(content), shape.unsupported(content)
        forms.parse(content, {"q-0": ["1"]})
        forms.render(content, None, typed={"q-0": ["x"]})


# --- Lists too long for a page ----------------------------------------------------------------------------------------
@pytest.fixture
def long_list(db):
    codes = CodeSet.objects.create(name="LISTE_LONGUE")
    Code.objects.bulk_create(
        Code(set=codes, system=SYSTEM, code=f"Z{n:03}", label=f"Motif numéro {n}") for n in range(400)
    )
    return codes


@pytest.fixture
def bruno(settings):
    settings.MFA_REQUIRED = False
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


def test_a_long_list_is_searched_as_one_types_and_never_cut(long_list, bruno, client):
    row = q.form(q.item("motif", "choice", answerValueSet="urn:vs/LISTE_LONGUE"), q.item("suite", enableWhen=[q.when("motif", "=", answerCoding={"code": "Z399"})]))  # fmt: skip
    assert shape.unsupported(row.data) == []
    make.sign_in(client, bruno.user)
    url = reverse("questionnaires:codes", args=[row.pk])
    assert url in forms.render(row, None)
    found = client.get(url, {"link": "motif", "q-motif": "numero 399"}).content.decode()
    assert found == '<option value="Motif numéro 399 (Z399)"></option>'
    assert client.get(url, {"link": "motif"}).content == b"" and client.get(url, {"link": "suite"}).status_code == 404
    for text in ("Motif numéro 399 (Z399)", "Z399", f"{SYSTEM}|Z399"):
        items, errors = parsed(row.data, motif=text, suite="oui")
        assert errors == {} and only(items, "suite"), text
        assert only(items, "motif") == [
            {"valueCoding": {"system": SYSTEM, "code": "Z399", "display": "Motif numéro 399"}}
        ]
    assert "Motif numéro 399 (Z399)" in forms.render(row, items)
    assert list(parsed(row.data, motif="quelque chose")[1]) == ["q-motif"]


def test_old_answers_stay_readable_when_the_list_is_withdrawn(long_list, bruno):
    Code.objects.filter(code__gte="Z010").delete()
    form = q.form(q.item("motif", "choice", answerValueSet="urn:vs/LISTE_LONGUE"))
    response = forms.start(bruno, "essai")
    actions.finish(bruno, response=response, post={"q-motif": [f"{SYSTEM}|Z003"]})
    Code.objects.filter(code="Z003").update(ended_on="2026-01-01")
    response = Response.objects.get(pk=response.pk)
    assert queries.lines(response)[0]["answers"] == ["Motif numéro 3"]
    typed = typed_from(shape.read(form.data), response.items)
    assert "n’est plus dans la liste" in forms.render(form, None, typed=typed)
    assert list(forms.parse(form, typed)[1]) == ["q-motif"]
    long_list.delete()
    assert queries.lines(response)[0]["answers"] == ["Motif numéro 3"]
    page = forms.render(form, response.items)
    assert "n’est plus disponible : écrivez la réponse" in page and "Motif numéro 3" in page


# --- Words that are long, words that two people write -----------------------------------------------------------------
@pytest.mark.django_db
def test_a_text_too_long_to_sign_is_kept_whole_in_its_draft(bruno):
    text = "Une ligne collée depuis un ancien compte rendu, comme on en trouve.\n" * 10_000
    q.form(q.item("t", "text"))
    response = forms.start(bruno, "essai")
    with pytest.raises(actions.Invalid) as refused:
        actions.finish(bruno, response=response, post={"q-t": [text]}, writer="p")
    assert "trop long" in refused.value.errors["q-t"]
    response.refresh_from_db()
    assert response.typed["q-t"] == [text] and response.is_open
    assert text[:200].replace("\n", "&#10;")[:60] in forms.render(response.questionnaire, None, typed=response.typed)


@pytest.mark.django_db
def test_what_is_set_aside_keeps_even_what_cannot_be_read(bruno, client):
    q.form(q.item("n", "integer", text="Chutes"), q.item("mot"))
    response = forms.start(bruno, "essai")
    for writer, n in (("a", "1"), ("a", "2")):
        actions.keep_draft(bruno, response=response, post={"q-n": [n]}, writer=writer, revision=1)
    with pytest.raises(actions.TwoWriters):
        actions.keep_draft(
            bruno, response=response, post={"q-n": ["trois ou quatre"], "q-mot": ["vu"]}, writer="b", revision=1
        )
    make.sign_in(client, bruno.user)
    history = client.get(reverse("questionnaires:history", args=[bruno.circle_id, response.pk])).content.decode()
    assert "trois ou quatre" in history and "vu" in history
    page = client.get(reverse("questionnaires:fill", args=[bruno.circle_id, response.pk])).content.decode()
    assert "mises de côté" in page and "Les relire" in page


def test_what_cannot_be_read_is_shown_as_typed():
    form = shape.read(q.data(q.item("n", "integer", text="Chutes")))
    assert [line["answers"] for line in rendering.unread(form, {"q-n": ["trois"]})] == [["trois"]]


# --- What is shipped --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_setting_up_publishes_the_forms_and_doing_it_again_changes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(reference, "load", lambda which: {})
    call_command("reference_load")
    count = Questionnaire.objects.active().count()
    assert f"formulaires publiés : {count}" in capsys.readouterr().out and count > 10
    call_command("reference_load")
    assert f"formulaires publiés : 0 ; déjà là : {count}" in capsys.readouterr().out
    call_command("reference_load", "codes")
    assert "formulaires" not in capsys.readouterr().out
    with pytest.raises(Refused):
        library.load(["inconnu"])


@pytest.mark.django_db
def test_an_upgrade_replaces_our_version_and_leaves_the_region_s_choice(monkeypatch, tmp_path):
    acting = make.viewer(make.role("Rozenn", "Région"))
    library.load(["katz", "lawton", "douleur"])
    shipped = {one.slug: one for one in Questionnaire.objects.active()}
    actions.publish(acting, form=actions.new_version(acting, form=shipped["lawton"]))
    actions.retire(acting, form=shipped["douleur"])
    for name in shipped:
        (tmp_path / f"{name}.json").write_text(json.dumps(questionnaire(name) | {"version": "2027"}))
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    assert library.load(["katz", "lawton", "douleur"]) == {"published": 1, "drafts": 2, "kept": 0}
    assert Questionnaire.objects.current("katz").version == "2027"
    assert Questionnaire.objects.current("lawton").author_user_id and Questionnaire.objects.current("douleur") is None
    assert library.load(["katz", "lawton", "douleur"])["kept"] == 3


@pytest.mark.parametrize("entry", INSTRUMENTS.values(), ids=lambda e: e.name)
def test_every_instrument_says_where_it_comes_from_and_protected_ones_show_no_question(entry):
    assert (
        str(entry.source)
        and str(entry.licence)
        and str(entry.missing)
        and entry.rights in Rights
        and entry.approved_by == ""
    )
    if entry.tier == Tier.FORBIDDEN:
        return
    assert entry.version
    content = questionnaire(entry.name)
    if entry.score is not None:
        assert len(entry.golden) >= 3
    if entry.rights == Rights.PROTECTED:
        assert entry.tier == Tier.TOTAL
        assert {i.link_id for i in shape.read(content).walk() if i.asks} <= {"total", "date", "cotateur"}


def test_an_export_comes_back_as_it_went():
    content = q.data(q.item("a", text="« é »\u00a0?", inconnu={"x": [1, None]}))
    assert editing.imported(editing.exported(content).encode()) == content
