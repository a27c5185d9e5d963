"""A DAC's week in a real browser: a sheet in twenty seconds, its files, a series, a caseload away and back, two writers at once."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from cercle.care.coordination import tasks
from cercle.care.coordination.actions import files
from cercle.care.coordination.models import CoordinationFile, FollowUpSheet, Handover
from cercle.care.documents.models import Document
from tests import factories as make
from tests.factories import coordination as made

from .conftest import aside

pytestmark = pytest.mark.browser


class Week:
    """Alice follows three people, Erwan is her colleague; all three have something to be reviewed."""

    def __init__(self):
        dac = made.dac(f"DAC {time.time_ns()}")
        self.alice, self.erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
        self.files = []
        for family in ("Le Gall", "Riou", "Pennec"):
            circle = make.circle(make.viewer(make.role("Bruno", "Hascoët")), used_family=family)
            row = made.followed(self.alice, circle=circle)
            files.write_synthesis(
                self.alice.desk,
                file=row,
                synthesis="Trois chutes.",
                wish="Rester chez moi.",
                review_on=timezone.localdate(),
            )
            self.files.append(row)

    @property
    def file(self):
        return self.files[0]


def texts(file) -> list[str]:
    return aside(lambda: list(FollowUpSheet.objects.filter(file=file).values_list("text", flat=True)))


def test_a_sheet_takes_two_shortcuts_and_its_words(town):
    """From the person's page: « n », what was done, Ctrl Enter. No click, no field to cross; typed at a hurried hand's speed."""
    week = aside(Week)
    page = town.page(week.alice.viewer)
    page.goto(f"/patients/{week.file.patient_id}/coordination/")
    page.evaluate("""() => {
        window.touched = { keys: 0, clicks: 0 };
        addEventListener("keydown", () => window.touched.keys++, true);
        addEventListener("pointerdown", () => window.touched.clicks++, true);
    }""")
    began = time.monotonic()
    page.keyboard.press("n")
    page.locator("#sheet textarea[name=text]:focus").wait_for()
    said = "Appel CCAS, dossier reçu."
    page.keyboard.type(said, delay=60)
    touched = page.evaluate("window.touched")
    assert touched["clicks"] == 0 and touched["keys"] <= 1 + len(said)
    # A nervous finger: the shortcut twice, at once.
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.get_by_text(said).wait_for()
    assert time.monotonic() - began < 20
    assert texts(week.file) == [said]


def test_a_file_joined_to_a_sheet_stays_in_the_structure_until_it_is_said(town, tmp_path):
    week = aside(Week)
    letter = tmp_path / "courrier de la caisse.txt"
    letter.write_text("Dossier d’APA complet.")
    page = town.page(week.alice.viewer)
    page.goto(f"/patients/{week.file.patient_id}/coordination/")
    page.get_by_role("link", name="Ajouter une fiche").click()
    page.locator("#sheet textarea[name=text]").fill("Courrier reçu de la caisse.")
    with page.expect_file_chooser() as chooser:
        page.locator("#sheet [data-choose]").click()
    chooser.value.set_files(str(letter))
    page.locator("#sheet .photo-item").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="Courrier reçu de la caisse.").click()
    with page.expect_download() as down:
        page.get_by_role("link", name="courrier de la caisse.txt").click()
    assert down.value.suggested_filename == "courrier de la caisse.txt"
    assert aside(Document.objects.count) == 0
    page.get_by_role("link", name="Dire au cercle").click()
    page.get_by_role("button", name="Écrire dans le cahier").click()
    page.get_by_role("link", name="dite au cercle").click()
    page.get_by_text("courrier de la caisse").first.wait_for()


def test_a_caseload_goes_and_comes_back_by_itself_and_tasks_follow(town):
    week = aside(Week)
    page = town.page(week.alice.viewer)
    page.goto("/dossiers/transmettre/")
    page.get_by_label("Confiés à").select_option(str(week.erwan.role.pk))
    page.get_by_label("Dernier jour du remplacement").fill((timezone.localdate() + timedelta(days=9)).isoformat())
    page.get_by_role("button", name="Transmettre les dossiers").click()
    page.get_by_text("3 dossiers transmis").wait_for()
    page.goto("/taches/")
    page.get_by_text("Rien ne vous attend").wait_for()

    theirs = town.page(week.erwan.viewer)
    theirs.goto("/taches/")
    assert theirs.get_by_text("situation à revoir").count() == 3
    theirs.get_by_role("link", name="3 personnes à prévenir").click()
    theirs.get_by_role("button", name="Noter").click()
    theirs.get_by_text("prévenue par courrier").first.wait_for()
    assert theirs.get_by_text("prévenue par courrier").count() == 3

    # The same act for two of the three.
    theirs.goto("/dossiers/serie/")
    theirs.get_by_label("Réduire la liste à un nom").fill("pen")
    assert theirs.get_by_label("Yvonne RIOU").is_hidden()
    theirs.get_by_label("Yvonne PENNEC").check()
    theirs.get_by_label("Réduire la liste à un nom").fill("")
    theirs.get_by_label("Yvonne RIOU").check()
    theirs.get_by_text("2 dossiers choisis").wait_for()
    theirs.get_by_label("Ce qui a été fait").fill("Atelier prévention des chutes.")
    theirs.get_by_role("button", name="Écrire ces fiches").click()
    theirs.get_by_text("Atelier prévention des chutes.").first.wait_for()
    assert theirs.get_by_text("Atelier prévention des chutes.").count() == 2
    assert [len(texts(f)) for f in week.files] == [0, 1, 1]

    def the_last_day_goes_by():
        Handover.objects.filter(to_role=week.erwan.role).update(until=timezone.localdate() - timedelta(days=1))
        tasks.end_handovers()

    aside(the_last_day_goes_by)
    theirs.goto("/dossiers/")
    theirs.get_by_text("Aucun dossier ici").wait_for()
    page.goto("/taches/")
    assert page.get_by_text("situation à revoir").count() == 3
    page.goto("/dossiers/")
    page.get_by_role("link", name="LE GALL").click()
    page.get_by_text("Référent : Nolwenn Le Bris").wait_for()
    assert aside(lambda: CoordinationFile.objects.get(pk=week.file.pk)).referent_id == week.alice.role.pk


def test_two_writers_of_the_administrative_file_lose_nothing(town):
    week = aside(Week)
    url = f"/dossiers/{week.file.pk}/administratif/"
    hers, his = town.page(week.alice.viewer), town.page(week.erwan.viewer)
    hers.goto(url)
    his.goto(url)
    hers.get_by_label("Logement", exact=False).first.select_option("owner")
    hers.get_by_label("Précisions sur le logement").fill("Maison de plain-pied, jardin.")
    his.get_by_label("Logement", exact=False).first.select_option("tenant")
    his.get_by_role("button", name="Enregistrer").click()
    his.wait_for_load_state()
    # She is told while she still writes, and nothing of hers moves.
    hers.get_by_text("Erwan Kerdreux a enregistré ce dossier administratif").wait_for()
    hers.get_by_role("button", name="Enregistrer").click()
    hers.get_by_text("Deux versions").wait_for()
    hers.get_by_role("cell", name="Locataire").wait_for()
    assert hers.get_by_label("Précisions sur le logement").input_value() == "Maison de plain-pied, jardin."
    hers.get_by_role("button", name="Enregistrer").click()
    hers.wait_for_load_state()
    row = aside(lambda: CoordinationFile.objects.get(pk=week.file.pk))
    assert (row.housing, row.housing_note, row.version) == ("owner", "Maison de plain-pied, jardin.", 3)


def test_tab_reaches_every_control_of_the_sheet_and_escape_leaves_it(town):
    week = aside(Week)
    page = town.page(week.alice.viewer)
    page.goto(f"/dossiers/{week.file.pk}/fiches/")
    page.keyboard.press("n")
    page.locator("#sheet textarea[name=text]:focus").wait_for()
    reached: list[str] = []
    while "Enregistrer" not in reached and len(reached) < 30:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
    # A date has a stop for each of its parts.
    assert list(dict.fromkeys(reached)) == ["Joindre un fichier", "on", "time", "people", "share", "Enregistrer"]
    page.keyboard.press("Escape")
    page.locator("#sheet").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.dataset.key") == "n"
