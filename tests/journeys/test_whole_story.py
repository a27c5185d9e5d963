"""One person from the first call to the exit: request, pre-assessment, file, AGGIR, goals, PPCS, meeting, closing, figures."""

import re
import time

import pytest
from django.utils import timezone

from cercle.care.coordination.models import CoordinationFile
from cercle.care.orientation.models import OrientationRequest
from cercle.care.questionnaires import library
from cercle.care.questionnaires.instruments.aggir import DISCRIMINATING
from tests.factories import coordination as made

from .conftest import aside
from .test_desk import opened, press
from .test_plan import read_pdf

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def alice():
    def tell():
        library.load(["pre-evaluation", "aggir"])
        return made.coordinator(made.dac(f"DAC {time.time_ns()}"))

    return aside(tell)


def taken_by_phone(page) -> None:
    page.goto("/guichet/nouvelle/")
    page.get_by_label("Nom du demandeur").fill("Dre Hélène Quéré")
    page.get_by_label("La demande, avec ses mots").fill("Deux chutes, sa femme ne dort plus.")
    page.get_by_label("Nom de la personne").fill("Cornec")
    page.get_by_label("Prénom").fill("Jean-Yves")
    page.get_by_label("Date de naissance").fill("02/05/1946")
    page.get_by_label("Sexe").select_option("M")
    page.get_by_label("Personne informée le").fill(str(aside(timezone.localdate)))
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Jean-Yves CORNEC").wait_for()
    page.get_by_role("link", name="Faire la pré-évaluation").click()
    page.get_by_label("Combien de chutes depuis trois mois").fill("2")
    page.get_by_role("button", name="Terminer la pré-évaluation").click()
    page.get_by_text("Chutes, 3 mois").wait_for()


def accepted_and_answered(page) -> None:
    page.get_by_role("link", name="Ouvrir un dossier", exact=True).click()
    press(page, opened(page, "Ouvrir un dossier de coordination"), "Ouvrir le dossier")
    page.locator(".desk-drawer").get_by_text("Réponse à rendre").first.wait_for()
    page.keyboard.press("r")
    press(page, opened(page, "Répondre au demandeur"), "Noter la réponse")
    page.get_by_role("link", name="Rouvrir").wait_for()


def scored(page, circle: str) -> None:
    page.goto(f"/patients/{circle}/grilles/")
    page.get_by_text("Pré-évaluation").first.wait_for()  # it came along from the desk
    page.get_by_role("button", name="Grille AGGIR").click()
    page.wait_for_url("**/remplir/**")
    for variable in DISCRIMINATING:
        page.locator(f"[data-aggir-row={variable}] .aggir-letters label", has_text="B").first.click()
    page.get_by_text(re.compile(r"donc GIR \d")).first.wait_for()
    page.get_by_role("button", name="Signer la grille").click()
    page.wait_for_url(lambda url: "remplir" not in url)
    page.get_by_text("GIR estimé").first.wait_for()


def planned(page, circle: str) -> None:
    page.goto(f"/patients/{circle}/plan/")
    page.get_by_role("button", name="Commencer le plan").click()
    with page.expect_response(lambda r: r.url.endswith("/mots/") and r.ok):
        page.fill("#p-wish", "Rester chez moi et dormir.")
    parts = page.get_by_role("navigation", name="Parties du plan")
    parts.get_by_role("link", name="Objectifs et actions").click()
    page.fill("#new-goal", "Que sa femme puisse se reposer")
    page.locator(".plan-editor").get_by_role("button", name="Ajouter", exact=True).click()
    page.wait_for_selector("#g-why")
    page.get_by_role("link", name="Ajouter une action").click()
    page.fill("#sheet [name=label]", "Accueil de jour le jeudi")
    page.fill("#sheet [name=name]", "Gwenn Bozec")
    page.locator("#sheet").get_by_role("button", name="Ajouter").click()
    page.get_by_role("link", name="Accueil de jour le jeudi").wait_for()


def printed(page, *more: str) -> None:
    page.locator(".plan-preview summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="PPCS, PDF").click()
    pages, text = read_pdf(download.value.path())
    assert pages >= 1
    # Nothing is typed twice: from the desk, the grid and the plan.
    told = ("CORNEC", "Jean-Yves", "Rester chez moi", "Que sa femme puisse se reposer", "Accueil de jour le jeudi")
    for words in (*told, *more):
        assert words in text, words


def met(page, circle: str) -> None:
    page.goto(f"/patients/{circle}/plan/")
    page.get_by_role("link", name="Convoquer une réunion").click()
    page.get_by_label("Le", exact=True).fill("2026-01-05")
    page.get_by_role("button", name="Convoquer").click()
    page.get_by_role("button", name="Noter les présents").click()
    page.get_by_text("Tenue").first.wait_for()


def closed(page, file: CoordinationFile) -> None:
    page.goto(f"/dossiers/{file.pk}/changer/clore/")
    page.get_by_label("Motif de sortie").select_option(index=1)
    page.get_by_label("Précisions").fill("Les relais sont en place.")
    page.get_by_role("button", name="Clore le dossier").click()
    page.get_by_text("Clos").first.wait_for()


def test_from_the_first_call_to_the_exit(town, alice):
    page = town.page(alice.viewer)
    taken_by_phone(page)
    accepted_and_answered(page)
    row = aside(lambda: OrientationRequest.objects.get(organization=alice.role.organization))
    file = aside(lambda: CoordinationFile.objects.get(request_id=row.pk))
    circle = str(file.patient_id)
    page.goto(f"/patients/{circle}/coordination/")
    page.get_by_text("Où en est-on").first.wait_for()
    scored(page, circle)
    planned(page, circle)
    printed(page, "GIR")
    met(page, circle)
    closed(page, file)
    assert aside(lambda: CoordinationFile.objects.get(pk=file.pk)).state == "closed"
    page.goto("/pilotage/indicateurs/")
    for words in ("Demandes reçues", "Sorties"):
        page.get_by_text(words).first.wait_for()


@pytest.mark.slow
def test_the_same_on_a_phone(town, alice):
    page = town.page(alice.viewer, "phone")
    taken_by_phone(page)
    accepted_and_answered(page)
    file = aside(lambda: CoordinationFile.objects.get(organization=alice.role.organization))
    planned(page, str(file.patient_id))
    printed(page)
