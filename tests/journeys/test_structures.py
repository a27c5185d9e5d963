"""A structure's file in a browser: an administrator's pages, the region's; axe and a ruler."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cercle.care.agenda import actions as agenda
from cercle.care.structures import actions
from cercle.people.accounts.models import StructureAdmin
from cercle.people.circles.access import make_viewer
from cercle.people.circles.desks import desk_of
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune, Organization
from tests import factories as make
from tests.factories import coordination as made

from .conftest import LOOKS, aside
from .test_screens import AXE, WIDEST

pytestmark = pytest.mark.browser
ADDRESSES = ["/structure/", "/structure/territoire/", "/structure/personnel/"]


class House:
    """A DAC with everything that its file may hold, and who administers it."""

    def __init__(self):
        house = made.dac(f"DAC {timezone.now().timestamp()}")
        who = made.coordinator(house, "Morgane", "Hascoët")
        StructureAdmin.objects.create(user=who.user, organization=house)
        self.viewer = make_viewer(who.user, who.role)
        desk, today = desk_of(self.viewer), timezone.localdate()
        communes = []
        for n in range(40):
            code = f"29{900 + n}"
            Commune.objects.get_or_create(
                code=code, kind="COM",
                defaults={"name": f"Plou{n}", "lat": 47.8 + n / 100, "lon": -4.4 + n / 90, "population": 300 * n, "department": "29"},
            )  # fmt: skip
            communes.append(code)
        north, south = make.team(house, who.role, name="Nord"), make.team(house, name="Sud")
        directory.give_territory(desk, team=north, communes=communes[:25])
        directory.give_territory(desk, team=south, communes=communes[25:])
        directory.cover_team(desk, team=north, covered_by=south, from_on=today, until_on=today)
        actions.describe(desk, organization=house, presentation="Appui.\nDeux équipes.", hours={0: "9h-12h30, 14h-17h"})
        actions.add_partner(
            desk, organization=house, name="Hôpital", kind="convention", until_on=today.replace(year=2020)
        )
        actions.add_document(
            desk, organization=house, title="Procédure", file=SimpleUploadedFile("p.txt", b"Une page.")
        )
        agenda.open_room(desk, organization=house, name="Salle du Steïr", seats=12, note="au rez-de-chaussée")
        make.role("Paul", "Parti", organization=house, ended_at=timezone.now())
        self.house = house


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_on_the_structure_s_file(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    house, region = aside(House), aside(lambda: make.user(kind="operator"))
    found = []
    for person, some in ((house.viewer, ADDRESSES), (region, ["/region/structures/", "/region/structures/nouvelle/"])):
        page = town.page(person, size, color_scheme=scheme)
        for address in some:
            assert page.goto(address).status == 200, address
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            page.evaluate(AXE.read_text())
            for rule, nodes in page.evaluate(
                "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
            ):
                found.append((address, rule, nodes[:3]))
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("width", [320, pytest.param(390, marks=pytest.mark.slow), 1440])
def test_no_screen_of_the_structure_scrolls_sideways(town, width):
    house = aside(House)
    page = town.page(house.viewer, str(width))
    wide = []
    for address in ADDRESSES:
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        if (scroll := page.evaluate("document.documentElement.scrollWidth")) > width:
            wide.append((address, scroll, page.evaluate(WIDEST, width)))
    assert not wide, wide


def test_an_administrator_writes_a_room_and_sees_its_agenda(town):
    house = aside(House)
    page = town.page(house.viewer)
    page.goto("/structure/")
    page.get_by_text("Ajouter une salle").click()
    page.get_by_label("Nom de la salle").fill("Salle bleue")
    page.get_by_label("Places").fill("6")
    page.locator("form[action*='salles']").get_by_role("button", name="Ajouter").click()
    page.get_by_role("button", name="Agenda Salle bleue").click()
    page.wait_for_url("**/agenda/**")
    assert page.get_by_label("Salle bleue").is_checked() and page.get_by_label("Le mien").is_checked()


def test_the_region_opens_a_structure_in_one_page(town):
    region = aside(lambda: make.user(kind="operator"))
    aside(
        lambda: Commune.objects.get_or_create(
            code="29170", kind="COM", defaults={"name": "Plomelin", "department": "29"}
        )
    )
    page, name = town.page(region), f"DAC du Trégor {timezone.now().timestamp()}"
    page.goto("/region/structures/")
    page.get_by_role("link", name="Ouvrir une structure").click()
    page.get_by_label("Nom de la structure").fill(name)
    page.get_by_label("Commune").fill("Plomelin")
    page.get_by_label("Première équipe").fill("Équipe Est")
    page.get_by_label("Prénom").fill("Anna")
    page.get_by_label("Nom", exact=True).fill("Le Goff")
    page.get_by_label("Adresse électronique professionnelle").fill(f"anna.{timezone.now().timestamp()}@exemple.fr")
    page.get_by_role("button", name="Ouvrir et inviter").click()
    page.get_by_text("La structure est ouverte.").wait_for()
    assert aside(lambda: Organization.objects.get(name=name).teams.get().name) == "Équipe Est"
    page.goto("/region/structures/")
    page.get_by_role("link", name=name).wait_for()
