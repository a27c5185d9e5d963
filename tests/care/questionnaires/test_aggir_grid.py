"""The AGGIR grid as a person fills it in: begun, kept, compared with the one before, signed."""

import pytest
from django.urls import reverse

from cercle.care.questionnaires import aggir_screen as screen
from cercle.care.questionnaires import forms, library
from cercle.care.questionnaires.instruments import aggir
from cercle.care.questionnaires.models import Questionnaire, Response
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator():
    role = make.role("Alice", "Le Bris", system="JDV_J48", profession="309", mode="S")
    return make.circle(make.viewer(role))


@pytest.fixture
def browser(client, coordinator, settings):
    settings.MFA_REQUIRED = False
    return make.sign_in(client, coordinator.user)


@pytest.fixture
def grid(coordinator):
    library.load(["aggir"])
    return forms.start(coordinator, "aggir")


def fields(letters: str, **more) -> dict:
    told = {
        f"q-{name}": f"{screen.SYSTEM}|{letter}" for name, letter in zip(aggir.DISCRIMINATING, letters, strict=False)
    }
    return told | {"writer": "page-1", "revision": "1"} | more


def fill(grid):
    return reverse("questionnaires:fill", args=[grid.circle_id, grid.pk])


def keep(grid):
    return reverse("questionnaires:draft", args=[grid.circle_id, grid.pk])


def test_the_page_has_ten_variables_and_no_gir_yet(browser, grid):
    page = browser.get(fill(grid)).text
    assert page.count("data-aggir-row=") == 11 and "Répondez pour voir l’estimation." in page
    assert "Seule l’équipe médico-sociale du Département fixe le GIR." in page


def test_each_answer_is_kept_and_the_result_comes_back_with_its_reasons(browser, grid):
    answer = browser.post(keep(grid), fields("ABCBABBA"), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Groupe F" in answer.text and "seuil 800" in answer.text and "groupe F, rang 9, donc GIR 3" in answer.text
    assert "8 réponses sur 10" in answer.text and 'id="aggir-kept"' in answer.text
    page = browser.get(fill(grid)).text
    assert page.count(" checked") == 8
    grid.refresh_from_db()
    assert grid.is_open and grid.data["item"]


def test_ticked_adverbs_are_kept_with_their_letter(browser, grid):
    told = fields("AAAAAAAA") | {"q-transferts.adverbes": [f"{screen.SYSTEM}|totalement"], "q-toilette.note": "seule"}
    answer = browser.post(keep(grid), told, headers={"HX-Request": "true"})
    assert "GIR 5" in answer.text or ">5<" in answer.text
    assert "reste à confirmer" in answer.text
    grid.refresh_from_db()
    assert grid.typed["q-transferts"] == [f"{screen.SYSTEM}|B"] and grid.typed["q-toilette.note"] == ["seule"]


def test_a_signed_grid_has_its_gir_and_is_compared_with_by_the_next_one(browser, grid, coordinator):
    assert browser.post(fill(grid), fields("AABBAAAABA")).status_code == 302
    grid.refresh_from_db()
    assert grid.status == Response.Status.COMPLETED
    assert (grid.scores["gir"], grid.scores["rang"], grid.scores["groupe"], grid.scores["value"]) == (4, 11, "H", 4)
    following = forms.start(coordinator, "aggir")
    assert following.pk != grid.pk
    page = browser.get(fill(following)).text
    assert page.count('data-was="A"') == 7 and page.count('data-was="B"') == 3
    answer = browser.post(keep(following), fields("ABCBABBACB"), headers={"HX-Request": "true"})
    assert "4 en " in answer.text


def test_a_page_left_open_elsewhere_is_told_and_loses_nothing(browser, grid):
    browser.post(keep(grid), fields("AAAAAAAA", writer="page-1"), headers={"HX-Request": "true"})
    browser.post(keep(grid), fields("CCAAAAAA", writer="page-2", revision="2"), headers={"HX-Request": "true"})
    answer = browser.post(keep(grid), fields("BBAAAAAA", writer="page-1"), headers={"HX-Request": "true"})
    assert answer.status_code == 200 and "aussi écrit" in answer.text
    grid.refresh_from_db()
    assert grid.typed["q-coherence"] == [f"{screen.SYSTEM}|C"]
    refused = browser.post(fill(grid), fields("BBAAAAAA", writer="page-1"))
    assert refused.status_code == 409 and 'name="take_over"' in refused.text
    assert browser.post(fill(grid), fields("BBAAAAAA", writer="page-1", take_over="1")).status_code == 302


def test_an_outsider_finds_nothing(client, grid, settings):
    settings.MFA_REQUIRED = False
    zoe = make.circle(make.viewer(make.role("Zoé", "Kerloc’h")))
    make.sign_in(client, zoe.user)
    for url in (fill(grid), keep(grid)):
        assert client.post(url, fields("AAAAAAAA")).status_code == 404


def test_withheld_scales_are_named_on_the_library_page_with_the_reason(browser):
    library.load()
    page = browser.get(reverse("questionnaires:library")).text
    for word in ("PRISMA-7", "Zarit", "MoCA", "ICOPE", "interRAI", "Centre d’expertise en santé de Sherbrooke"):
        assert word in page


def test_a_form_s_page_says_how_sure_its_score_is_and_what_a_missing_answer_does(browser):
    library.load(["katz"])
    form = Questionnaire.objects.current("katz")
    page = browser.get(reverse("questionnaires:form", args=[form.pk])).text
    for words in (
        "page publiée lue",
        "4 cas de référence",
        "Une réponse manquante : pas de score.",
        "pas encore approuvé",
    ):
        assert words in page
