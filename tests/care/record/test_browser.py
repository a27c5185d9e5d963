"""Ctrl K with the keyboard alone, and axe on the screens of this app, on the real server."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.care.notebook import actions as notebook
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make
from tests.support.database import ROOT
from tests.support.site import Site

AXE = ROOT / "node_modules/axe-core/axe.min.js"


def told() -> str:
    """In a thread: Playwright's loop holds this one, where Django refuses to reach the database."""

    def tell() -> str:
        try:
            bruno = make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), used_family="Le Gall")
            role = make.role("Erwan", "Kervella", profession="10", civility="M")
            person = make.user(role, email="erwan@exemple.fr")
            circles.add_member(bruno, practice_role=role, ground="recognised")
            note = notebook.add_note(bruno, text="Chute cette nuit", urgency=2)
            erwan = reach(make_viewer(person, role), bruno.circle_id)
            notify(
                "note", users={erwan.user_id: Relation.NAMED}, circle_id=bruno.circle_id, target=note, urgency="urgent"
            )
            return str(bruno.circle_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as aside:
        return aside.submit(tell).result()


@pytest.fixture
def page(browser, fresh_db):
    with Site(fresh_db) as site:
        site.start_web(CERCLE_MFA_REQUIRED="0")
        context = browser.new_context(base_url=site.url, locale="fr-FR", viewport={"width": 1200, "height": 800})
        page = context.new_page()
        refused = []
        page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.circle = told()
        page.goto("/connexion/")
        page.fill("[name=login]", "erwan@exemple.fr")
        page.fill("[name=password]", make.PASSWORD)
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url(lambda url: "/connexion/" not in url)
        yield page
        context.close()
        assert refused == []


def test_ctrl_k_reaches_a_patient_and_a_colleague_without_the_mouse(page):
    page.goto("/aide/")
    page.keyboard.press("Control+k")
    page.get_by_role("option", name="Yvonne LE GALL").wait_for()
    page.keyboard.type("le bri")
    page.get_by_role("option", name="Bruno Le Bris").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("gall")
    page.get_by_role("option", name="12/04/1941").wait_for()
    page.get_by_role("option", name="Bruno Le Bris").wait_for(state="detached")
    assert page.locator("[role=option][aria-selected=true]").inner_text().startswith("YL")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patients/{page.circle}/")
    page.keyboard.press("Control+k")
    page.locator("#palette [role=option]").first.wait_for()
    page.keyboard.press("ArrowUp")  # from the first round to the last
    assert page.locator("[role=option][aria-selected=true]").inner_text().strip() == "Aide"
    page.keyboard.press("Escape")
    page.locator("#palette").wait_for(state="hidden")


def test_the_bell_falls_silent_when_the_note_is_read(page):
    page.goto("/aide/")
    page.get_by_role("link", name="Notifications : 1").first.wait_for()
    page.get_by_role("link", name="Notifications : 1").first.click()
    page.get_by_role("link", name="Bruno Le Bris a écrit une note urgente").click()
    page.wait_for_url(f"**/patients/{page.circle}/**")
    page.get_by_text("Chute cette nuit").first.wait_for()
    assert page.get_by_role("link", name="Notifications", exact=True).first.is_visible()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_these_screens(page, width, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for path in (f"/patients/{page.circle}/acces/", "/notifications/", "/notifications/reglages/", "/aide/", "palette"):
        if path == "palette":
            page.keyboard.press("Control+k")
            page.locator("#palette [role=option]").first.wait_for()
        else:
            page.goto(path)
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
