"""The AGGIR grid in a real browser: by adverbs on a phone, by letters at a desk, kept when the tab dies, axe clean."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from cercle.care.questionnaires import forms, library
from tests import factories as make
from tests.support.database import ROOT
from tests.support.site import Site

AXE = ROOT / "node_modules/axe-core/axe.min.js"


def begun() -> str:
    def begin() -> str:
        try:
            role = make.role("Alice", "Le Bris", system="JDV_J48", profession="309", mode="S")
            person = make.user(role, email="alice@exemple.fr")
            alice = make.circle(make.viewer(role, person), used_family="Le Gall")
            library.load(["aggir"])
            response = forms.start(alice, "aggir")
            return f"/patients/{alice.circle_id}/grilles/{response.pk}/remplir/"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as aside:
        return aside.submit(begin).result()


@pytest.fixture
def page(browser, fresh_db):
    with Site(fresh_db) as site:
        site.start_web(CERCLE_MFA_REQUIRED="0")
        context = browser.new_context(base_url=site.url, locale="fr-FR", viewport={"width": 1440, "height": 900})
        page = context.new_page()
        refused = []
        page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
        page.grid = begun()
        page.goto("/connexion/")
        page.fill("[name=login]", "alice@exemple.fr")
        page.fill("[name=password]", make.PASSWORD)
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url(lambda url: "/connexion/" not in url)
        page.goto(page.grid)
        yield page
        context.close()
        assert refused == []


def letter(page, variable: str, letter: str) -> None:
    page.locator(f"[data-aggir-row={variable}] .aggir-letters label", has_text=letter).click()


def test_letters_at_a_desk_give_the_gir_with_its_reasons_and_nothing_is_lost(page):
    for variable, told in zip(
        "coherence orientation toilette habillage alimentation elimination transferts deplacement_interieur".split(),
        "ABCBABBA",
        strict=True,
    ):
        letter(page, variable, told)
    page.get_by_text("groupe F, rang 9, donc GIR 3").wait_for()
    page.get_by_text("8 réponses sur 10").wait_for()
    # C says that every adverb is difficult, and the part shows it.
    page.locator("[aria-controls=parts-toilette]").click()
    assert page.locator("#parts-toilette input:checked").count() == 8
    page.locator("#parts-toilette [data-aggir-part]").first.locator("input").first.uncheck()
    page.get_by_text("groupe G, rang 10, donc GIR 4").wait_for()
    page.goto("about:blank")
    page.goto(page.grid)
    assert page.locator("[data-aggir-row=toilette] .aggir-letters input:checked").get_attribute("data-letter") == "B"
    assert page.locator("#parts-toilette input:checked").count() == 7


def test_one_question_at_a_time_on_a_phone_by_adverbs(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.grid)
    assert page.locator("[data-aggir-where]").inner_text() == "Question 1 sur 10"
    assert page.locator(".aggir-row:visible").count() == 1
    for _n in range(6):
        row = page.locator(".aggir-row:visible")
        row.get_by_role("button", name="Ne le fait pas").click()
        page.get_by_role("button", name="Suivante").click()
    page.locator(".aggir-row:visible label", has_text="correctement").click()
    assert page.locator("[data-aggir-said]:visible strong").inner_text() == "Fait en partie."
    page.locator(".aggir-foot-words", has_text="Les 3 réponses qui restent n’y changeront rien.").wait_for()
    page.get_by_role("button", name="Pourquoi ?").click()
    page.locator("#aggir-why[open]").get_by_text("GIR estimé").first.wait_for()
    page.keyboard.press("Escape")
    for _n in range(4):
        page.get_by_role("button", name="Suivante").click()
    page.get_by_role("button", name="Signer la grille").click()
    page.wait_for_url(lambda url: "remplir" not in url)
    page.get_by_text("GIR estimé").first.wait_for()


def test_axe_finds_nothing_on_the_grid_and_it_holds_at_320_pixels(page):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    for width in (1440, 390, 320):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)
            page.goto(page.grid)
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
            assert found == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, scheme)
