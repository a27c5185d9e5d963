"""A form in a real browser: conditions and scores live, drafts that survive a killed browser, axe clean."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings

from cercle.care.questionnaires import conditions, forms, shape
from cercle.care.questionnaires.models import Response
from tests import factories as make
from tests.care.questionnaires.test_conditions import answered
from tests.factories import questionnaires as q
from tests.support import browsers
from tests.support.database import ROOT
from tests.support.site import Site

pytestmark = pytest.mark.browser
SCRIPT = (ROOT / "cercle/care/questionnaires/static/questionnaires/form.js").read_text()
AXE = ROOT / "node_modules/axe-core/axe.min.js"
ITEMS = (
    q.choice("aide", "oui", "non", text="Une aide vient-elle ?", required=True),
    q.item("qui", text="Qui vient ?", enableWhen=[q.when("aide", "=", answerCoding={"system": "urn:test", "code": "oui"})]),
    q.item("chutes", "integer", text="Combien de chutes ?"),
    q.item("detail", "text", text="Comment est-ce arrivé ?", enableWhen=[q.when("chutes", ">", answerInteger=1)]),
    q.calculated("points", "%resource.item.where(linkId='chutes').answer.value * 10", text="Points"),
    q.item("alerte", "display", text="Prévenir le médecin traitant.", enableWhen=[q.when("points", ">=", answerInteger=30)]),
    q.item("loop", "group", text="Aidant", repeats=True, item=[
        q.item("nom", text="Nom"), q.item("vit", "boolean", text="Vit avec elle"),
        q.item("ou", text="Où habite-t-il ?", enableWhen=[q.when("vit", "=", answerBoolean=False)]),
    ]),
)  # fmt: skip


def aside(work):
    def run():
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        return other.submit(run).result()


@pytest.fixture
def site(fresh_db):
    with Site(fresh_db) as started:
        started.start_web(CERCLE_MFA_REQUIRED="0")
        yield started


def begun() -> str:
    role = make.role("Alice", "Le Bris", system="JDV_J48", profession="309", mode="S")
    alice = make.circle(make.viewer(role, make.user(role, email="alice@exemple.fr")), used_family="Le Gall")
    q.form(*ITEMS)
    response = forms.start(alice, "essai")
    return f"/patients/{alice.circle_id}/grilles/{response.pk}/remplir/"


def opened(browser, site, address, **options):
    page = browser.new_context(base_url=site.url, locale="fr-FR", **options).new_page()
    page.refused = []
    page.on("console", lambda m: page.refused.append(m.text) if m.type == "error" else None)
    page.goto("/connexion/")
    page.fill("[name=login]", "alice@exemple.fr")
    page.fill("[name=password]", make.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url(lambda url: "/connexion/" not in url)
    page.goto(address)
    return page


def axe(page) -> list:
    page.evaluate(AXE.read_text())
    return [v["id"] for v in page.evaluate("axe.run().then((r) => r.violations)")]


def test_a_killed_browser_loses_nothing_and_a_phone_takes_it_up_again(browser, site):
    address = aside(begun)
    mortal = browser.browser_type.launch(executable_path=browsers.path(), args=["--no-sandbox", "--disable-gpu"])
    page = opened(mortal, site, address, viewport={"width": 1440, "height": 900})
    assert not page.get_by_label("Qui vient ?").is_visible()
    page.get_by_label("OUI", exact=True).check()
    page.get_by_label("Qui vient ?").fill("La voisine")
    page.get_by_label("Combien de chutes ?").fill("3")
    page.get_by_label("Comment est-ce arrivé ?").fill("Tapis du couloir.\nLa nuit.")
    page.get_by_text("30", exact=True).wait_for()  # the server's answer
    page.get_by_text("Prévenir le médecin traitant.").wait_for()  # a condition on a computed field
    page.get_by_role("group", name="Aidant").get_by_label("Nom").fill("Soazig")
    page.get_by_role("group", name="Aidant").get_by_label("Non").check()
    page.get_by_label("Où habite-t-il ?").wait_for()
    page.locator("[data-draft-state]", has_text="Brouillon gardé").wait_for()
    page.locator("form[data-unsaved]").wait_for(state="detached")
    assert axe(page) == [] and page.refused == []
    processes = mortal.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    os.kill(next(p["id"] for p in processes if p["type"] == "browser"), signal.SIGKILL)

    phone = opened(browser, site, address, viewport={"width": 390, "height": 844})
    assert phone.get_by_label("Qui vient ?").input_value() == "La voisine"
    assert phone.get_by_label("Comment est-ce arrivé ?").input_value() == "Tapis du couloir.\nLa nuit."
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="Ajouter Aidant").click()
    phone.get_by_role("group", name="Aidant 2").get_by_label("Nom").fill("Erwan")
    assert phone.get_by_role("group", name="Aidant 1").get_by_label("Nom").input_value() == "Soazig"
    phone.get_by_label("NON", exact=True).check()
    assert not phone.get_by_label("Qui vient ?").is_visible()
    assert axe(phone) == []
    phone.get_by_role("button", name="Terminer et signer").click()
    phone.get_by_text("Terminée").wait_for()
    assert phone.get_by_text("La voisine").count() == 0 and phone.get_by_text("Erwan").count() == 1
    assert axe(phone) == [] and phone.refused == []
    kept = aside(lambda: Response.objects.get())
    assert kept.scores["value"] == 30 and kept.version == 1


def test_the_page_hides_what_the_server_would_hide(browser, site):
    """enableWhen in form.js against conditions.py, on answers of every kind."""
    address = aside(begun)
    page = opened(browser, site, address, viewport={"width": 1440, "height": 900})
    content = shape.read(q.data(*ITEMS))
    for aide, chutes, vit in [
        ("oui", "2", "true"),
        ("non", "1", "false"),
        ("", "", ""),
        ("oui", "1,5", "false"),
        ("non", "abc", ""),
    ]:
        for box in page.locator("[data-clear]:visible").all():
            box.click()
        if aide:
            page.locator(f"[name=q-aide][value='urn:test|{aide}']").check()
        page.locator("[name=q-chutes]").fill(chutes)
        if vit:
            page.locator(f"[name='q-vit~0'][value={vit}]").check()
        page.wait_for_timeout(50)
        typed = page.evaluate("""() => { const d = {}; for (const [k, v] of new FormData(document.getElementById("form")))
            if (/^[qn]-/.test(k)) (d[k] ||= []).push(v); return d }""")
        hidden = {
            tuple(x)
            for x in page.evaluate(
                "[...document.querySelectorAll('[data-q][hidden]')].map((e) => [e.dataset.q, e.dataset.at])"
            )
        }
        off = conditions.disabled(content, typed)
        wanted = {(link, " ".join(map(str, at))) for link, at in off} - {("alerte", "")}
        assert hidden - {("alerte", "")} == wanted, (aide, chutes, vit)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.generate]
)
@given(case=answered())
def test_the_script_hides_what_the_server_hides_on_forms_of_every_kind(blank, case):
    content, _told, _values, typed = case
    form = shape.read(content)
    fields = forms.render(content, None, typed=typed)
    upset = "for (const el of document.querySelectorAll('[data-q]')) el.hidden = !el.hidden;"
    blank.set_content(
        f'<form id="form"><div data-questionnaire>{fields}</div></form><script>{upset}</script><script type="module">{SCRIPT}'
        'document.body.dataset.ready = "1"</script>'
    )
    blank.locator("body[data-ready]").wait_for()
    hidden = blank.evaluate(
        "[...document.querySelectorAll('[data-q][hidden]')].map((e) => [e.dataset.q, e.dataset.at])"
    )
    off = {(link, " ".join(map(str, at))) for link, at in conditions.disabled(form, typed)}
    assert {tuple(one) for one in hidden} == off


@pytest.fixture
def blank(browser):
    page = browser.new_context(locale="fr-FR").new_page()
    yield page
    page.context.close()
