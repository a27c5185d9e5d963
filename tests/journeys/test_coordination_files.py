"""A coordinator's file in a real browser: a sheet by the keyboard alone, a draft that survives, a caseload handed over."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cercle.care.coordination.actions import files, handover, sheets
from cercle.care.coordination.models import CoordinationFile, FollowUpSheet
from tests import factories as make
from tests.factories import coordination as made

from .conftest import LOOKS, aside
from .test_screens import AXE

pytestmark = pytest.mark.browser


class Desk:
    def __init__(self):
        dac = made.dac(f"DAC {time.time_ns()}")
        self.alice, self.erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
        circle = make.circle(make.viewer(make.role("Bruno", "Hascoët")), used_family="Le Gall")
        self.file = made.followed(self.alice, circle=circle)
        files.write_synthesis(
            self.alice.desk, file=self.file, synthesis="Trois chutes depuis janvier.", wish="Rester chez moi."
        )
        self.sheet = sheets.write_sheet(
            self.alice.desk, file=self.file, act="visit", at=timezone.now(), minutes=45, text="Vue à domicile. " * 20
        )
        files.add_private_note(self.alice.desk, file=self.file, text="Venir à deux.")
        letter = SimpleUploadedFile("courrier de la caisse.txt", b"Dossier complet.", "text/plain")
        sheets.correct_sheet(
            self.alice.desk, sheet=self.sheet, based_on=1, act="visit", at=self.sheet.at, minutes=45, topic="carer",
            text=self.sheet.text, files=[letter],
        )  # fmt: skip
        made.followed(self.erwan, circle=make.circle(make.viewer(make.role("Bruno", "Hascoët")), used_family="Riou"))
        files.add_co_referent(self.alice.desk, file=self.file, practice_role=self.erwan.role)
        self.passed = handover.hand_over(
            self.erwan.desk, from_role=self.erwan.role, to_role=self.alice.role, until=timezone.localdate()
        )


def test_a_sheet_is_written_by_the_keyboard_alone_and_a_killed_browser_loses_nothing(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer)
    page.goto(f"/patients/{desk.file.patient_id}/coordination/")
    began = time.monotonic()
    page.keyboard.press("n")
    page.locator("#sheet textarea[name=text]").wait_for()
    page.locator("#sheet textarea[name=text]:focus").wait_for()
    with page.expect_response(lambda r: "/brouillon/" in r.url):
        page.keyboard.type("Appelé la fille : nuit difficile")
    page.context.close()
    page = town.page(desk.alice.viewer)
    page.goto(f"/patients/{desk.file.patient_id}/coordination/")
    page.keyboard.press("n")
    page.locator("#sheet textarea[name=text]").wait_for()
    page.locator("#sheet textarea[name=text]:focus").wait_for()
    assert page.input_value("#sheet textarea[name=text]") == "Appelé la fille : nuit difficile"
    page.keyboard.press("End")
    page.keyboard.type(", rappeler jeudi.")
    page.keyboard.press("Control+Enter")
    page.get_by_text("nuit difficile, rappeler jeudi.").wait_for()
    assert time.monotonic() - began < 20
    row = aside(lambda: FollowUpSheet.objects.get(file=desk.file, text__startswith="Appelé"))
    assert (row.act, row.minutes, row.note_id) == ("call", 15, None)


def test_a_caseload_is_handed_over_for_a_leave(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer)
    page.goto("/dossiers/")
    page.get_by_role("link", name="Transmettre").click()
    page.get_by_label("Confiés à").select_option(str(desk.erwan.role.pk))
    page.get_by_label("Dernier jour du remplacement").fill("2099-01-15")
    page.get_by_role("button", name="Transmettre les dossiers").click()
    page.get_by_text("2 dossiers transmis").wait_for()
    theirs = town.page(desk.erwan.viewer)
    theirs.goto("/dossiers/")
    theirs.get_by_role("link", name="LE GALL").click()
    theirs.get_by_text("Trois chutes depuis janvier.").wait_for()
    page.get_by_role("button", name="Rendre les dossiers maintenant").click()
    page.locator("#confirm-yes").click()
    page.get_by_text("Terminé").first.wait_for()
    assert aside(lambda: CoordinationFile.objects.get(pk=desk.file.pk)).referent_id == desk.alice.role.pk


def addresses(desk) -> list[str]:
    one = f"/dossiers/{desk.file.pk}/"
    return [
        f"/patients/{desk.file.patient_id}/coordination/", one, f"{one}fiches/", f"{one}fiche/", f"{one}administratif/",
        f"{one}synthese/", f"{one}notes-internes/", f"{one}fiches/{desk.sheet.pk}/", f"{one}changer/clore/", "/dossiers/",
        f"{one}fiches/{desk.sheet.pk}/corriger/", f"{one}fiches/{desk.sheet.pk}/partager/", f"{one}changer/transferer/",
        f"/dossiers/transmettre/{desk.passed.pk}/", f"/dossiers/transmettre/{desk.passed.pk}/prolonger/",
        "/dossiers/?qui=all", "/dossiers/fiches/", "/dossiers/serie/", "/dossiers/transmettre/", "/taches/",
    ]  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_on_the_files_screens(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    desk = aside(Desk)
    page = town.page(desk.alice.viewer, size, color_scheme=scheme)
    found = []
    for address in addresses(desk):
        answer = page.goto(address)
        assert answer.status == 200, address
        page.evaluate(AXE.read_text())
        for rule, nodes in page.evaluate(
            "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
        ):
            found.append((address, rule, nodes[:3]))
    assert not found, "\n".join(map(str, found))


def test_no_screen_of_the_file_scrolls_sideways_on_the_narrowest_phone(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer, "320")
    wide = []
    for address in addresses(desk):
        page.goto(address)
        if (scroll := page.evaluate("document.documentElement.scrollWidth")) > 320:
            wide.append((address, scroll))
    assert not wide


def test_where_things_stand_holds_on_one_desk_screen(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer)
    page.goto(f"/patients/{desk.file.patient_id}/coordination/")
    assert page.evaluate("document.documentElement.scrollHeight") <= 900
