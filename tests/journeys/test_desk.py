"""The desk in a real browser: a call taken while talking, two coordinators at once, the public form to its answer."""

import re
import time
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.utils import timezone

from cercle.care.orientation import actions, tasks
from cercle.care.orientation.models import OrientationRequest
from cercle.care.questionnaires import library
from cercle.people.accounts.models import OneTimeLink
from tests.factories import coordination as made
from tests.factories.orientation import asked

from .conftest import LOOKS, aside
from .test_screens import AXE

pytestmark = pytest.mark.browser


class Desk:
    def __init__(self):
        library.load(["pre-evaluation"])
        self.dac = made.dac(f"DAC {time.time_ns()}")
        self.alice, self.erwan = made.coordinator(self.dac), made.coordinator(self.dac, "Erwan", "Kerdreux")
        self.row = asked(self.alice)


def press(page, sheet, verb):
    sheet.get_by_role("button", name=verb).click()
    page.wait_for_url(re.compile(r"/guichet/[0-9a-f-]{36}/"))
    page.locator("#sheet[open]").wait_for(state="detached")


def opened(page, words):
    page.locator("#sheet[open]").get_by_role("heading", name=words).wait_for()
    return page.locator("#sheet")


def test_a_call_becomes_a_file_and_the_asker_is_answered(town):
    desk = aside(Desk)
    aside(
        lambda: made.followed(
            desk.alice, birth_family="Cornec", birth_given="Jean-Yves", birth_date="1946-05-02", sex="M"
        )
    )
    page = town.page(desk.alice.viewer)
    page.goto("/guichet/")
    page.keyboard.press("n")
    page.locator("#entry").wait_for()
    page.get_by_label("Nom du demandeur").fill("Dre Hélène Quéré")
    page.get_by_label("La demande, avec ses mots").fill("Deux chutes en trois semaines, sa femme ne dort plus.")
    page.get_by_label("Nom de la personne").fill("Cornec")
    page.get_by_label("Prénom").fill("Jean-Yvon")
    page.get_by_label("Date de naissance").fill("02/05/1946")
    page.get_by_label("Sexe").select_option("M")
    page.get_by_label("Personne informée le").fill(str(aside(timezone.localdate)))
    page.get_by_text(re.compile("Vous suivez déjà|dossier ressemblant")).first.wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Jean-Yvon CORNEC").wait_for()
    page.get_by_role("link", name="Faire la pré-évaluation").click()
    page.get_by_label("Combien de chutes depuis trois mois").fill("2")
    page.get_by_role("button", name="Terminer la pré-évaluation").click()
    page.get_by_text("Chutes, 3 mois").wait_for()
    for what, who in (("Portage de repas", "CCAS d’Audierne"), ("Accueil de jour", "Les Bruyères")):
        page.get_by_role("link", name="Solliciter une ressource").click()
        sheet = opened(page, "Solliciter une ressource")
        sheet.get_by_label("Ce qui est demandé").fill(what)
        sheet.get_by_label("À qui").fill(who)
        press(page, sheet, "Solliciter")
        page.locator(".desk-asked").get_by_text(who).wait_for()
    for who, state in (("CCAS d’Audierne", "accepted"), ("Les Bruyères", "refused")):
        page.locator(".desk-asked li", has_text=who).get_by_role("link", name="Noter la réponse").click()
        sheet = opened(page, who)
        sheet.get_by_label("Réponse", exact=True).select_option(state)
        press(page, sheet, "Noter la réponse")
    page.get_by_role("link", name="Ouvrir un dossier", exact=True).click()
    sheet = opened(page, "Ouvrir un dossier de coordination")
    press(page, sheet, "Ouvrir le dossier")
    page.locator(".desk-drawer").get_by_text("Réponse à rendre").first.wait_for()
    page.keyboard.press("r")
    sheet = opened(page, "Répondre au demandeur")
    assert "Un dossier de coordination est ouvert" in sheet.locator("textarea").input_value()  # nothing is typed twice
    press(page, sheet, "Noter la réponse")
    page.get_by_role("link", name="Rouvrir").wait_for()
    row = aside(lambda: OrientationRequest.objects.get(person_given="Jean-Yvon"))
    assert row.state == "closed" and row.outcome == "file" and row.answered_at and row.patient_id
    assert aside(lambda: sorted(row.solicitations.values_list("state", flat=True))) == ["accepted", "refused"]


def test_what_a_colleague_does_moves_here_and_what_is_being_typed_stays(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer)
    page.goto(f"/guichet/{desk.row.pk}/")
    lane = page.locator("section[aria-labelledby=lane-received]")
    lane.get_by_text("Demande anonyme").wait_for()
    page.keyboard.press("r")
    sheet = opened(page, "Répondre au demandeur")
    sheet.get_by_label("Ce que vous avez répondu").fill("Ma longue réponse, à moitié écr")
    with page.expect_request(lambda r: "/guichet/?ouverte=" in r.url) as sent:
        aside(lambda: actions.take(desk.erwan.desk, request=desk.row))
    assert sent.value.headers.get("hx-request") == "true"
    page.locator("section[aria-labelledby=lane-pre_assessment]").get_by_text("Demande anonyme").wait_for()
    assert lane.get_by_text("Demande anonyme").count() == 0
    page.locator(".desk-drawer .desk-chips").get_by_text("Pré-évaluation").wait_for()
    assert sheet.get_by_label("Ce que vous avez répondu").input_value() == "Ma longue réponse, à moitié écr"
    aside(lambda: actions.close_advice(desk.erwan.desk, request=desk.row, advice="Le CCAS s’en charge.", how="phone"))
    sheet.get_by_role("button", name="Noter la réponse").click()
    sheet.get_by_text("Pendant que vous écriviez").wait_for()
    sheet.get_by_text("« Le CCAS s’en charge. »").first.wait_for()
    assert sheet.get_by_label("Ce que vous avez répondu").input_value() == "Ma longue réponse, à moitié écr"
    sheet.get_by_role("button", name="Garder ce texte comme note").click()
    page.locator(".desk-steps").get_by_text("Ma longue réponse, à moitié écr").wait_for()
    assert aside(lambda: OrientationRequest.objects.get(pk=desk.row.pk)).answer_text == "Le CCAS s’en charge."


def test_what_is_chosen_in_the_list_stays_while_a_request_arrives(town):
    desk = aside(Desk)
    page = town.page(desk.alice.viewer)
    page.goto("/guichet/?vue=liste")
    page.locator("[name=ids]").first.check()
    page.locator("summary[aria-label='Autres filtres et actions du guichet']").click()
    page.get_by_label("Garder ce filtre sous le nom").fill("Ma lis")
    aside(lambda: asked(desk.erwan, asker_name="Une voisine"))
    page.get_by_text("Une voisine").first.wait_for()
    assert page.locator("[name=ids]:checked").count() == 1
    assert page.get_by_label("Garder ce filtre sous le nom").input_value() == "Ma lis"


def mailed(page, row, links: int) -> str:
    """The message that goes with an answer; once the site's own jobs have sent theirs, as the newest link is the right one."""
    for _n in range(100):
        if aside(lambda: OneTimeLink.objects.filter(subject_id=row.pk).count()) >= links:
            break
        page.wait_for_timeout(100)
    aside(lambda: tasks.send_status_link(str(row.pk)))
    (message,) = [m for m in mail.outbox[-1:] if m.to == [row.asker_email]]
    return message.subject + message.body


def test_a_carer_asks_by_the_public_form_is_answered_and_says_what_she_thinks(town):
    desk = aside(Desk)
    address = f"soazig{time.time_ns()}@exemple.fr"
    page = town.page(size="phone")
    page.goto(f"/demande/{desk.dac.pk}/patient/")
    opened_at = time.monotonic()
    page.get_by_label("Vous êtes").select_option("relative")
    page.get_by_label("Votre nom").fill("Soazig Le Gall")
    page.get_by_label("Votre adresse e-mail").fill(address)
    page.get_by_label("Que se passe-t-il").fill("Je n’en peux plus.")
    page.wait_for_timeout(max(0, 5500 - (time.monotonic() - opened_at) * 1000))  # nobody writes to us in four seconds
    page.get_by_role("button", name="Envoyer la demande").click()
    page.get_by_role("heading", name="Demande reçue").wait_for()
    code = page.locator("[data-code]").inner_text()
    row = aside(lambda: OrientationRequest.objects.get(asker_email=address))
    aside(
        lambda: actions.close_advice(
            desk.alice.desk, request=row, advice="Plateforme de répit : 02 98 00 00 00.", how="web"
        )
    )
    text = mailed(page, row, links=2)
    assert not any(word in text for word in ("Soazig", "peux plus", "répit", row.number, code))
    link = urlsplit(re.search(r"https?://\S+/demande/suivi/\S+", text)[0]).path
    page.goto(link)
    page.get_by_label("Code de l’accusé").fill(code)
    page.get_by_role("button", name="Voir où elle en est").click()
    page.get_by_text("Plateforme de répit").wait_for()
    page.get_by_label("Cette réponse vous a-t-elle aidé").select_option("4")
    page.get_by_role("button", name="Donner mon avis").click()
    page.get_by_text("Merci de votre avis").wait_for()
    assert aside(lambda: OrientationRequest.objects.get(pk=row.pk)).satisfaction == 4


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_at_the_desk_and_nothing_scrolls_sideways(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    desk = aside(Desk)
    one = f"/guichet/{desk.row.pk}/"
    aside(lambda: actions.solicit(desk.alice.desk, request=desk.row, what="Portage", resource_name="CCAS"))
    page = town.page(desk.alice.viewer, size, color_scheme=scheme)
    found = []
    for address in (
        "/guichet/", "/guichet/?vue=liste", "/guichet/?vue=calendrier", one, "/guichet/nouvelle/", "/guichet/demandes/", "/guichet/appels/",
        "/guichet/reglages/", f"{one}conseil/", f"{one}solliciter/", f"{one}pre-evaluation/", f"/demande/{desk.dac.pk}/patient/",
        f"/demande/{desk.dac.pk}/professionnel/", "/demande/suivi/",
    ):  # fmt: skip
        assert page.goto(address).status == 200, address
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((address, "sideways", ""))
        page.evaluate(AXE.read_text())
        for rule, nodes in page.evaluate(
            "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
        ):
            found.append((address, rule, nodes[:3]))
    assert not found, "\n".join(map(str, found))
