"""The main screens looked at by axe and by a ruler, light and dark; two files made one and two again."""

import re

import pytest

from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.care.notebook import actions as notebook
from cercle.care.record import essentials
from cercle.people.patients.models import PotentialDuplicate
from tests import factories as make
from tests.support.database import ROOT

from .conftest import LOOKS, aside

pytestmark = pytest.mark.browser
AXE = ROOT / "node_modules/axe-core/axe.min.js"
WIDEST = "w => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > w && e.checkVisibility()).slice(-2).map(e => e.outerHTML.slice(0, 120))"
ADDRESSES = [
    "/patients/", "/patients/{c}/", "/patients/{c}/cercle/", "/patients/{c}/dossier/", "/patients/{c}/documents/",
    "/patients/{c}/acces/", "/patients/{c}/cercle/ajouter/", "/patients/{c}/cercle/oppositions/noter/",
    "/patients/{c}/sejours/annoncer/", "/patients/{c}/notes/imprimer/", "/patients/nouveau/", "/notifications/", "/annuaire/",
    "/compte/", "/compte/securite/", "/droits/", "/aide/", "/annuaire/mes-signalements/",
]  # fmt: skip


def told(town) -> str:
    circle = town.circle(used_family="Le Gall")

    def tell():
        note = notebook.add_note(town.erwan, text="Chute cette nuit, " + "surveillance " * 30, urgency=2)
        notebook.add_note(town.bruno, text="Vu ce matin.", reply_to=note)
        notebook.add_note(town.bruno, text="motsanslafin" * 20, type="INTERV", urgency=1)
        essentials.add(town.bruno, kind="allergy", label="Pénicilline")
        notify("note", users={town.bruno.user_id: Relation.NAMED}, circle_id=town.bruno.circle_id, target=note,
               urgency="urgent")  # fmt: skip

    aside(tell)
    return circle


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_on_the_main_screens(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    circle = told(town)
    page = town.page(town.bruno, size, color_scheme=scheme)
    found = []
    for address in ADDRESSES:
        answer = page.goto(address.format(c=circle))
        if answer.status != 200:
            found.append((address, answer.status))
            continue
        page.evaluate(AXE.read_text())
        for rule, nodes in page.evaluate(
            "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
        ):
            found.append((address, rule, nodes[:3]))
    assert not found, "\n".join(map(str, found))


SHEETS = ["/patients/{c}/", "/patients/{c}/cercle/", "/patients/{c}/dossier/", "/patients/{c}/documents/"]
OPENERS = "[hx-get][hx-target='#sheet']"


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_on_the_sheets_that_open(town, size, scheme):
    """Each sheet once, by the address it comes from; what stands behind it is inert."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    circle = told(town)
    page = town.page(town.bruno, size, color_scheme=scheme)
    found, seen = [], set()
    for address in SHEETS:
        page.goto(address.format(c=circle))
        page.evaluate(AXE.read_text())
        for source in page.locator(OPENERS).evaluate_all("e => e.map(x => x.getAttribute('hx-get'))"):
            kind = re.sub(r"[0-9a-f-]{36}", "…", source)
            if kind in seen:
                continue
            seen.add(kind)
            # Some openers stand in a menu that is closed: the sheet is what is looked at here.
            with page.expect_response(lambda r, source=source: source in r.url):
                page.evaluate("u => htmx.ajax('GET', u, '#sheet')", source)
            page.locator("dialog[open]").wait_for()
            page.wait_for_timeout(150)  # the sheet slides in: its contrast is measured at rest
            for rule, nodes in page.evaluate(
                "axe.run('dialog[open]').then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
            ):
                found.append((kind, rule, nodes[:3]))
            page.keyboard.press("Escape")
            page.locator("dialog[open]").wait_for(state="detached")
    assert len(seen) > 8, seen
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("width", [320, 390])
def test_no_screen_scrolls_sideways(town, width):
    circle = told(town)
    page = town.page(town.bruno, str(width))
    wide = []
    for address in ADDRESSES:
        page.goto(address.format(c=circle))
        if (scroll := page.evaluate("document.documentElement.scrollWidth")) > width:
            wide.append((address, scroll, page.evaluate(WIDEST, width)))
    assert not wide, wide


def test_two_files_of_one_person_are_made_one_then_two_again(town):
    def tell():
        for given in ("Bruno", "Erwan"):
            make.circle(
                make.viewer(make.role(given, "Le Bris", civility="M")), birth_family="Le Goff", birth_given="Marie",
                birth_givens="Marie Jeanne", birth_date="1939-04-12", birth_place_code="29232", birth_place_label="Quimper",
            )  # fmt: skip
        return str(PotentialDuplicate.objects.latest("id").pk), make.user(kind="operator", first_name="Odile")

    pair, odile = aside(tell)
    page = town.page(odile)
    page.goto(f"/identites/{pair}/")
    page.locator("[name=survivor]").first.check()
    page.fill("#decision-reason", "même carte d’identité")
    page.get_by_role("button", name="C’est la même personne").click()
    page.wait_for_url(lambda url: not url.endswith(f"/identites/{pair}/"))
    assert aside(lambda: PotentialDuplicate.objects.get(pk=pair).state) == "merged"
    page.goto("/identites/decisions/")
    page.get_by_text("même carte d’identité").first.wait_for()
    page.locator("[action*='/separer/'] button, button[formaction*='/separer/']").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Séparer", exact=True).click()

    def undone():
        return PotentialDuplicate.objects.get(pk=pair).merges.get().undone_at is not None

    for _ in range(40):
        if aside(undone):
            break
        page.wait_for_timeout(100)
    assert aside(undone)
