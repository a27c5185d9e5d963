"""Two people around one patient, each in a browser: written, seen at once, answered, corrected, refused, closed."""

import io
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from PIL import Image

from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.accounts import actions as accounts
from tests import factories as make

from .conftest import aside, by_password

pytestmark = pytest.mark.browser
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def picture(name="plaie.jpg") -> dict:
    out = io.BytesIO()
    Image.new("RGB", (800, 600), (200, 120, 90)).save(out, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def write(page, words: str, *, files=()) -> None:
    page.locator("[data-compose]:visible").first.click()
    page.fill("#compose-text", words)
    if files:
        with page.expect_file_chooser() as chooser:
            page.locator("[data-choose]:visible").first.click()
        chooser.value.set_files(list(files))
    page.get_by_role("button", name="Envoyer", exact=True).click()


def test_signing_in_with_a_code_opens_my_patients(town):
    circle = town.circle()
    aside(lambda: accounts.give_second_factor(town.bruno.user, SECRET))
    page = town.page()
    by_password(page, town.bruno.user)
    page.wait_for_url("**/connexion/code/")
    page.fill("[name=code]", format_hotp_value(hotp_value(SECRET, int(time.time()) // 30)))
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url(lambda url: "/connexion/" not in url)
    page.goto("/patients/")
    page.locator(f"a[href='/patients/{circle}/']:visible").first.click()
    page.wait_for_url(f"**/patients/{circle}/**")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_note_with_a_photo_appears_on_the_other_screen_and_is_answered(town, size):
    circle = town.circle()
    mine, theirs = town.page(town.bruno, size), town.page(town.erwan, size)
    theirs.goto(f"/patients/{circle}/")
    mine.goto(f"/patients/{circle}/")
    theirs.wait_for_timeout(500)  # the stream opens; nothing on the page says so
    with mine.expect_response(lambda r: r.url.endswith("/notes/") and r.request.method == "POST"):
        write(mine, "Plaie du talon, photo jointe.", files=[picture()])
    began = time.monotonic()
    theirs.get_by_text("Plaie du talon, photo jointe.").wait_for(timeout=3000)
    print(f"seen after {time.monotonic() - began:.2f} s")
    assert theirs.locator("article img").count() == 1
    theirs.get_by_role("button", name="Répondre").first.click()
    theirs.locator("article textarea").fill("Je passe ce soir.")
    theirs.get_by_role("button", name="Envoyer la réponse").click()
    mine.get_by_text("Je passe ce soir.").wait_for()


def test_a_draft_is_there_after_a_reload(town):
    circle = town.circle()
    page = town.page(town.bruno)
    page.goto(f"/patients/{circle}/")
    page.locator("[data-compose]:visible").first.click()
    page.fill("#compose-text", "Début d’une note")
    page.get_by_text("Brouillon gardé à").wait_for()
    page.reload()
    assert page.input_value("#compose-text") == "Début d’une note"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"name": "scan.pdf", "mimeType": "application/pdf", "buffer": b"\x00\x01\xfe" * 300}, "La note n’est pas partie"),
        ({"name": "film.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8" + b"x" * 49_000_000}, "dépasse 20 Mo"),
    ],
    ids=["not a PDF", "50 MB"],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_is_refused_in_words_and_the_text_stays(town, file, said):
    circle = town.circle()
    page = town.page(town.bruno, "phone")
    page.goto(f"/patients/{circle}/")
    page.locator("[data-compose]:visible").first.click()
    page.fill("#compose-text", "Ce que j’ai écrit")
    with page.expect_file_chooser() as chooser:
        page.locator("[data-choose]:visible").first.click()
    chooser.value.set_files([file])
    if "Mo" not in said:
        with page.expect_response(lambda r: r.request.method == "POST" and r.url.endswith("/notes/")) as sent:
            page.get_by_role("button", name="Envoyer", exact=True).click()
        assert sent.value.status == 422
    page.locator("#compose-errors, .field-error", has_text=said).first.wait_for()
    assert page.input_value("#compose-text") == "Ce que j’ai écrit"
    assert aside(lambda: Note.objects.filter(circle_id=circle).count()) == 0


def test_a_note_is_corrected_then_withdrawn_and_its_history_stays(town):
    circle = town.circle()
    aside(lambda: notebook.add_note(town.bruno, text="Doliprane 1 g x 4"))
    mine, theirs = town.page(town.bruno), town.page(town.erwan)
    theirs.goto(f"/patients/{circle}/")
    mine.goto(f"/patients/{circle}/")
    mine.locator("article [data-menu] summary").first.click()
    mine.locator("a.menu-item:visible", has_text="Corriger").click()
    mine.locator("dialog#sheet[open]").wait_for()
    mine.fill("#fix-text", "Doliprane 1 g x 3")
    mine.get_by_role("button", name="Corriger la note").click()
    theirs.get_by_text("Doliprane 1 g x 3").first.wait_for()
    mine.get_by_role("link", name="Corrigée").first.wait_for()
    mine.locator("article [data-menu] summary").first.click()
    mine.locator("a.menu-item:visible", has_text="Retirer").click()
    mine.fill("#withdraw-reason", "mauvais cahier")
    mine.get_by_role("button", name="Retirer la note").click()
    theirs.get_by_text("Note retirée par son auteur.").wait_for()
    assert theirs.get_by_text("Doliprane").count() == 0
    theirs.get_by_role("link", name="Voir l’historique").click()
    theirs.get_by_text("Doliprane 1 g x 4").wait_for()


def test_french_search_finds_the_word_whatever_its_form(town):
    circle = town.circle()
    aside(lambda: [notebook.add_note(town.bruno, text=t) for t in ("Œdème des chevilles", "Pansements refaits")])
    page = town.page(town.erwan)
    page.goto(f"/patients/{circle}/")
    page.fill("#notebook-q", "pansement")
    page.get_by_text("Œdème des chevilles").wait_for(state="detached")
    assert page.get_by_text("Pansements refaits").is_visible()
    page.fill("#notebook-q", "oedeme")
    page.get_by_text("Œdème des chevilles").wait_for()
    assert "oedeme" not in page.url


def test_the_notebook_is_printed_as_a_pdf(town):
    circle = town.circle()
    aside(lambda: notebook.add_note(town.bruno, text="À imprimer"))
    page = town.page(town.bruno)
    answer = page.request.get(f"/patients/{circle}/notes/imprimer/?from=2026-01-01&to=2027-01-01")
    if not answer.body().startswith(b"%PDF"):
        page.goto(f"/patients/{circle}/notes/imprimer/")
        with page.expect_download() as download:
            page.locator("a[href*='imprimer']").last.click()
        assert download.value.suggested_filename == "cahier-de-liaison.pdf"


def test_a_note_is_written_by_keyboard_alone(town):
    circle = town.circle()
    page = town.page(town.bruno)
    page.goto(f"/patients/{circle}/")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-compose]')"):
            break
    page.keyboard.press("Enter")
    page.locator("#compose-text:focus").wait_for()
    page.keyboard.type("Au clavier seulement")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.compose-foot [type=submit]')"):
            break
    page.keyboard.press("Enter")
    page.locator("article", has_text="Au clavier seulement").wait_for()


def test_an_opposition_closes_the_screen_that_is_open_within_five_seconds(town):
    circle = town.circle()
    aside(lambda: notebook.add_note(town.bruno, text="Entre nous"))
    theirs, mine = town.page(town.erwan), town.page(town.bruno)
    theirs.goto(f"/patients/{circle}/")
    theirs.get_by_text("Entre nous").wait_for()
    theirs.wait_for_timeout(500)
    mine.goto(f"/patients/{circle}/cercle/oppositions/noter/")
    mine.select_option("[name=about]", f"practitioner:{town.erwan.practice_role.practitioner_id}")
    mine.locator("form:has([name=about]) [type=submit]").click()
    mine.get_by_text("L’opposition est en vigueur").wait_for()
    began = time.monotonic()
    theirs.get_by_text("Entre nous").wait_for(state="detached", timeout=5000)
    print(f"closed after {time.monotonic() - began:.2f} s")
    theirs.goto("/patients/")
    assert theirs.locator(f"a[href*='{circle}']").count() == 0


def test_an_emergency_opening_is_proved_told_and_reviewed(town):
    circle = town.circle(birth_family="Kerjean", birth_given="Anne", birth_date="1938-02-03")
    zoe = aside(lambda: make.viewer(make.role("Zoé", "Garde", profession="10")))
    page = town.page()
    by_password(page, zoe.user)
    page.wait_for_url(lambda url: "/connexion/" not in url)
    assert page.goto(f"/patients/{circle}/").status == 404
    page.goto("/urgence/")
    page.fill("[name=family]", "Kerjean")
    page.fill("[name=given]", "Anne")
    page.fill("[name=birth_date]", "03/02/1938")
    page.fill("[name=reason]", "Malaise au domicile, voisine injoignable.")
    page.get_by_role("button", name="Ouvrir en urgence").click()
    page.wait_for_url(f"**/patients/{circle}/")
    lead = town.page(town.bruno)
    for _ in range(40):  # the notice comes by a job
        lead.goto("/notifications/")
        if lead.get_by_text("urgence").count():
            break
        lead.wait_for_timeout(250)
    assert lead.get_by_text("Zoé Garde").count()
    doctor = town.page(town.erwan)
    doctor.goto(f"/patients/{circle}/cercle/")
    doctor.locator("a[href*='/cercle/urgences/'], [action*='/cercle/urgences/']").first.wait_for()
    doctor.goto(f"/patients/{circle}/acces/")
    doctor.get_by_text("Zoé Garde").locator("visible=true").first.wait_for()
