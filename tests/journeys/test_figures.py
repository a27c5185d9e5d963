"""Figures and the structure's pages in a real browser: chart and table, a number's list, the map; axe, desk and phone."""

import os
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from cercle.care.coordination.models import CoordinationFile, FollowUpSheet
from cercle.care.orientation.models import OrientationRequest
from cercle.people.accounts.models import StructureAdmin
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune
from tests import factories as make
from tests.factories import coordination as made

from .conftest import LOOKS, aside
from .test_screens import AXE

pytestmark = pytest.mark.browser
PLACES = [("29232", "Quimper", 47.99, -4.10, 63000), ("29170", "Plomelin", 47.93, -4.15, 4200), ("29039", "Concarneau", 47.87, -3.92, 19800),
          ("29046", "Douarnenez", 48.09, -4.33, 14000), ("29158", "Penmarch", 47.81, -4.34, 5100)]  # fmt: skip


class Year:
    """A DAC's last months: enough for every figure to move."""

    def __init__(self):
        self.dac = made.dac(f"DAC de Cornouaille {time.time_ns() % 10_000}")
        self.nolwenn = made.coordinator(self.dac)
        StructureAdmin.objects.create(user=self.nolwenn.user, organization=self.dac)
        for code, name, lat, lon, people in PLACES:
            Commune.objects.get_or_create(
                code=code,
                kind="COM",
                defaults={"name": name, "lat": lat, "lon": lon, "population": people, "department": "29"},
            )
        acting = self.nolwenn.desk
        north, south = make.team(self.dac, self.nolwenn.role, name="Nord"), make.team(self.dac, name="Sud")
        directory.give_territory(acting, team=north, communes=["29232", "29046"])
        directory.give_territory(acting, team=south, communes=["29170", "29039", "29158"])
        now = timezone.now()
        OrientationRequest.objects.bulk_create(
            OrientationRequest(
                organization=self.dac, number=f"2026-{n:04d}", channel="phone", level=n % 3 + 1, asker_kind="relative", asker_name="x",
                reason="home", commune_code=PLACES[n % 5][0], team=north if n % 2 else south, received_at=now - timedelta(days=n % 95, hours=2),
                due_at=now, first_contact_at=now - timedelta(days=n % 95), recorded_at=now - timedelta(days=n % 95, hours=2),
                answered_at=now - timedelta(days=n % 95) + timedelta(hours=n % 60) if n % 95 > 3 else None,
            )
            for n in range(240)
        )  # fmt: skip
        for n in range(6):
            patient = make.patient(self.nolwenn.viewer, birth_family=f"Famille{'abcdef'[n]}", birth_given="Anne")
            file = CoordinationFile.objects.create(
                patient=patient, organization=self.dac, level=2, referent=self.nolwenn.role, entry_reason="home",
                opened_at=now - timedelta(days=20 * n), recorded_at=now - timedelta(days=20 * n),
            )  # fmt: skip
            FollowUpSheet.objects.create(
                file=file, organization=self.dac, act="call", at=now - timedelta(days=n), minutes=20, text="x", author_name="x",
                author_role=self.nolwenn.role,
            )  # fmt: skip


@pytest.fixture(scope="module")
def year(site):
    return aside(Year)


def shot(page, name: str) -> None:
    if where := os.environ.get("CERCLE_SHOTS"):
        page.screenshot(path=f"{where}/{name}.png", full_page=True)


def test_a_director_reads_a_chart_its_table_and_the_list_behind_a_number(town, year):
    page = town.page(year.nolwenn.viewer)
    page.goto("/pilotage/")
    assert page.locator(".figure").count() == 5
    assert page.locator(".chart-bars rect").count() > 12 and page.locator(".chart-line .curve").count() == 1
    page.get_by_role("link", name="Tableau").click()
    assert page.locator(".chart-line").count() == 0
    page.locator("tfoot").first.locator("a").last.click()
    page.wait_for_url("**/liste/**")
    assert page.locator(".rows li").count() > 20
    page.goto("/pilotage/")
    page.locator("select[name=p]").select_option("an")
    page.get_by_role("button", name="Afficher").click()
    assert "par mois" in page.locator("h2").filter(has_text="par mois").first.inner_text()
    assert not town.refused


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_on_figures_and_structure_pages(town, year, size, scheme):
    page = town.page(year.nolwenn.viewer, size, color_scheme=scheme)
    found = []
    for name, address in (
        ("pilotage", "/pilotage/"), ("indicateur", "/pilotage/indicateurs/demandes_recues/"), ("tous", "/pilotage/indicateurs/"),
        ("definitions", "/pilotage/definitions/"), ("structure", "/structure/"), ("territoire", "/structure/territoire/"),
        ("personnel", "/structure/personnel/"),
    ):  # fmt: skip
        answer = page.goto(address)
        assert answer.status == 200, address
        shot(page, f"{name}-{size}-{scheme}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            found.append((address, "wider than the screen", wide))
        if AXE.exists():
            page.evaluate(AXE.read_text())
            for rule, nodes in page.evaluate(
                "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
            ):
                found.append((address, rule, nodes[:3]))
    assert not town.refused
    assert not found, "\n".join(map(str, found))
