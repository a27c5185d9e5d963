"""The scripts in a real browser, under the real CSP; the server's answers are played by the test."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.template import engines
from django.test import RequestFactory

from cercle.base.web import live, middleware, places, views

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STATIC = Path(__file__).resolve().parents[3] / "cercle/base/web/static"
AXE = Path(__file__).resolve().parents[3] / "node_modules/axe-core/axe.min.js"
SITE = "http://cercle.test"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM or not (STATIC / "vendor").exists():
        pytest.skip("Chromium or the front-end parts are not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Stage:
    """One page of one browser and what the server answers: `answers[(method, path)] = (status, body[, headers])`."""

    def __init__(self, page):
        self.page = page
        self.answers = {}
        self.asked = []
        self.refused = []
        page.on("console", lambda m: self.refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("pageerror", lambda e: self.refused.append(str(e)))
        page.route("**/*", self.serve)

    def until(self, expression: str) -> None:
        """`wait_for_function` evaluates strings in the page, which our CSP refuses."""
        for _ in range(200):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"never true: {expression}")

    def serve(self, route):
        request = route.request
        path = request.url.removeprefix(SITE).split("?")[0]
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            return route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
        self.asked.append((request.method, path, request.post_data))
        answer = self.answers.get((request.method, path), (404, ""))
        if answer == "cut":
            return route.abort()
        status, body, headers = (*answer, {})[:3]
        csp = {"Content-Security-Policy": middleware.CSP, "Content-Type": "text/html; charset=utf-8"}
        return route.fulfill(status=status, body=body, headers=csp | headers)

    def open(self, content: str, *, template="web/app.html", path="/patients/", scripts="") -> None:
        source = f'{{% extends "{template}" %}}{{% block css %}}<link rel="stylesheet" href="/static/web/patient.css">'
        source += "{% endblock %}{% block scripts %}{{ block.super }}" + scripts + "{% endblock %}"
        source += "{% block content %}<h1>Essai</h1>" + content + "{% endblock %}"
        request = RequestFactory().get(path)
        request.user = SimpleNamespace(is_authenticated=True, pk="u")
        html = engines["django"].from_string(source).render({"topics": "signed"}, request)
        self.answers[("GET", path)] = (200, html)
        self.page.goto(SITE + path)


@pytest.fixture
def stage(browser, monkeypatch):
    monkeypatch.setattr(live, "topics_for", lambda *a: "signed")
    monkeypatch.setattr(places, "_places", {})
    monkeypatch.setattr(places, "_new", {})
    monkeypatch.setattr(places, "_hooks", {"palette": "web:style"})
    context = browser.new_context(locale="fr-FR", viewport={"width": 1200, "height": 800})
    context.add_init_script(
        "window.streams = []; window.EventSource = class extends EventTarget { constructor(url) { super(); this.url = url;"
        " this.readyState = 1; streams.push(this); } close() { this.readyState = 2; } };"
        "EventSource.CLOSED = 2; window.say = (name, data) => {"
        " streams.at(-1).dispatchEvent(Object.assign(new Event(name), {data})); };"
    )
    stage = Stage(context.new_page())
    yield stage
    assert stage.refused == []
    context.close()


def script(name: str) -> str:
    return f'<script src="/static/web/{name}.js" type="module"></script>'


DRAFT = (
    '<form data-draft="/draft/" data-guard method="post" action="/note/" hx-post="/note/" hx-swap="none">'
    '<label>Note <textarea name="text"></textarea></label>{% include "web/draft_state.html" %}'
    "<button>Envoyer</button></form>"
)


def test_a_draft_is_kept_and_said_so(stage):
    stage.answers[("POST", "/draft/")] = (204, "")
    stage.open(DRAFT, scripts=script("draft"))
    stage.page.fill("textarea", "Plaie propre")
    stage.until("document.querySelector('[data-draft-state]').textContent.includes('Brouillon gardé à')")
    assert "Plaie propre" in next(body for method, path, body in stage.asked if path == "/draft/")
    assert not stage.page.evaluate("document.forms[0].dataset.unsaved")


def test_a_draft_that_is_refused_stays_on_the_screen(stage):
    stage.answers[("POST", "/draft/")] = (401, "")
    stage.open(DRAFT, scripts=script("draft"))
    stage.page.fill("textarea", "Plaie propre")
    stage.page.get_by_text("Votre texte reste ici, copiez-le").wait_for()
    assert stage.page.input_value("textarea") == "Plaie propre"


def test_nothing_typed_is_lost_when_the_session_ended(stage):
    stage.answers[("POST", "/draft/")] = (401, "")
    stage.answers[("POST", "/note/")] = (401, "", {"HX-Redirect": "/connexion/"})
    stage.open(DRAFT, scripts=script("draft"))
    stage.page.fill("textarea", "Chute cette nuit")
    stage.page.get_by_role("button", name="Envoyer").click()
    stage.page.get_by_text("Votre session est finie").wait_for()
    assert stage.page.input_value("textarea") == "Chute cette nuit"
    assert stage.page.url == SITE + "/patients/"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((413, ""), "C’est trop gros"), ((429, ""), "Trop de demandes"), ((500, ""), "Le serveur n’a pas répondu"),
        ("cut", "Le serveur n’a pas répondu"), ((409, "", {"X-Message": "Ce%20matricule%20est%20pris."}), "Ce matricule est pris."),
    ],
)  # fmt: skip
def test_a_failure_is_said_and_the_text_stays(stage, answer, said):
    stage.answers[("POST", "/note/")] = answer
    stage.answers[("POST", "/draft/")] = (204, "")
    stage.open(DRAFT, scripts=script("draft"))
    stage.page.fill("textarea", "Chute")
    stage.page.get_by_role("button", name="Envoyer").click()
    stage.page.locator("#network-bar", has_text=said).wait_for()
    assert stage.page.input_value("textarea") == "Chute"


TIMELINE = (
    '<div id="timeline" data-live="circle:1" hx-get="/timeline/" hx-trigger="live" hx-swap="outerHTML">%s'
    '<form data-draft="/draft/7/" data-guard action="/reply/" method="post"><textarea name="text"></textarea></form></div>'
)


def test_what_happens_elsewhere_appears_and_a_reply_being_typed_stays(stage):
    stage.answers[("GET", "/timeline/")] = (200, TIMELINE % "<p>Une note nouvelle</p>")
    stage.open(TIMELINE % "")
    stage.until("streams.length === 1")
    stage.page.click("textarea")
    stage.page.keyboard.type("Je passe deman")
    stage.page.keyboard.press("ArrowLeft")
    stage.page.evaluate("say('changed', 'circle:2'); say('changed', 'circle:1')")
    stage.page.get_by_text("Une note nouvelle").wait_for()
    stage.page.keyboard.type("i")
    assert stage.page.input_value("textarea") == "Je passe demain"
    assert sum(path == "/timeline/" for _, path, _ in stage.asked) == 1


def test_lost_access_asks_the_gate_again(stage):
    stage.open("<p>secret</p>")
    stage.until("streams.length === 1")
    stage.answers[("GET", "/patients/")] = (404, "<p>Cette page n’existe pas</p>")
    stage.page.evaluate("say('closed', 'circle:1')")
    stage.page.get_by_text("Cette page n’existe pas").wait_for()


def test_lost_access_takes_away_what_was_read_and_leaves_what_is_typed(stage):
    stage.open('<div data-private><p>secret</p></div><form data-guard><textarea name="text"></textarea></form>')
    stage.until("streams.length === 1")
    stage.page.fill("textarea", "en train d’écrire")
    stage.page.evaluate("say('closed', 'circle:1')")
    stage.page.get_by_text("Cette page n’est plus accessible").wait_for()
    assert stage.page.get_by_text("secret").count() == 0
    assert stage.page.input_value("textarea") == "en train d’écrire"


def test_the_palette_is_worked_by_keyboard_alone(stage):
    stage.answers[("POST", "/style/")] = (
        200,
        '<a role="option" class="palette-option" href="/patients/1/">Yvonne LE GALL</a>'
        '<a role="option" class="palette-option" href="/patients/2/">René GOUZIEN</a>',
    )
    stage.answers[("GET", "/patients/2/")] = (200, "<h1>René GOUZIEN</h1>")
    stage.open("<p>rien</p>")
    stage.page.keyboard.press("Control+k")
    stage.page.get_by_role("combobox").wait_for()
    stage.page.keyboard.type("le")
    stage.page.locator("[role=option][aria-selected=true]", has_text="Yvonne").wait_for()
    stage.page.keyboard.press("Escape")
    assert not stage.page.locator("#palette").is_visible()
    stage.page.keyboard.press("Control+k")
    stage.page.locator("[role=option][aria-selected=true]", has_text="Yvonne").wait_for()
    stage.page.keyboard.press("ArrowDown")
    assert stage.page.locator("[role=combobox]").get_attribute("aria-activedescendant") == "palette-option-1"
    stage.page.keyboard.press("Enter")
    stage.page.wait_for_url(SITE + "/patients/2/")


PHOTOS = (
    '<form>{% include "web/photo_picker.html" with max=1000 %}<button type="button" data-choose>Photo</button></form>'
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def test_photos_are_shown_weighed_and_taken_away(stage):
    stage.open(PHOTOS, scripts=script("photo"))
    with stage.page.expect_file_chooser() as chooser:
        stage.page.get_by_role("button", name="Photo").click()
    small = {"name": "plaie.png", "mimeType": "image/png", "buffer": PIXEL}
    chooser.value.set_files([small, {"name": "lourde.png", "mimeType": "image/png", "buffer": b"x" * 2000}])
    stage.page.get_by_text("« lourde.png » est trop gros").wait_for()
    assert stage.page.locator(".photo-item").count() == 1
    with stage.page.expect_file_chooser() as chooser:
        stage.page.get_by_role("button", name="Photo").click()
    chooser.value.set_files([{**small, "name": "pied.png"}])
    stage.until("document.querySelector('[name=files]').files.length === 2")
    stage.page.get_by_role("button", name="Retirer plaie.png").click()
    names = "[...document.querySelector('[name=files]').files].map(f => f.name)"
    assert stage.page.evaluate(names) == ["pied.png"]


def test_an_act_that_matters_is_asked_once(stage):
    stage.answers[("POST", "/retirer/")] = (200, "<p>retirée</p>")
    stage.open(
        '<form method="post" action="/retirer/">'
        '<button data-confirm="Retirer du cercle ?" data-confirm-verb="Retirer">Ôter</button></form>'
    )
    stage.page.get_by_role("button", name="Ôter").click()
    stage.page.get_by_role("button", name="Annuler").click()
    assert not any(path == "/retirer/" for _, path, _ in stage.asked)
    stage.page.get_by_role("button", name="Ôter").click()
    stage.page.get_by_role("button", name="Retirer").click()
    stage.page.get_by_text("retirée").wait_for()


def test_a_fragment_opens_the_dialog_and_the_server_closes_it(stage):
    fragment = '<div class="sheet-head"><h2 id="t">Lu par</h2></div><button hx-get="/fin/">Fin</button>'
    stage.answers[("GET", "/lecteurs/")] = (200, fragment)
    stage.answers[("GET", "/fin/")] = (204, "", {"HX-Trigger": "close-dialog"})
    stage.open('<button hx-get="/lecteurs/" hx-target="#sheet">Qui a lu ?</button>')
    stage.page.get_by_role("button", name="Qui a lu ?").click()
    stage.page.get_by_role("dialog", name="Lu par").wait_for()
    stage.page.get_by_role("button", name="Fin").click()
    stage.until("!document.querySelector('#sheet').open")


def test_the_theme_follows_the_system_then_the_person(stage):
    stage.page.emulate_media(color_scheme="dark")
    stage.open("<p>x</p>", template="web/app.html")
    theme = "document.documentElement.dataset.bsTheme"
    assert stage.page.evaluate(theme) == "dark"
    stage.page.emulate_media(color_scheme="light")
    stage.until(f"{theme} === 'light'")


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_style_page(stage, width, scheme, settings):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    settings.DEBUG = True
    request = RequestFactory().get("/style/")
    request.user = SimpleNamespace(is_authenticated=True, pk="u")
    stage.answers[("GET", "/style/")] = (200, views.style(request).content.decode())
    stage.page.set_viewport_size({"width": width, "height": 800})
    stage.page.emulate_media(color_scheme=scheme)
    stage.page.goto(SITE + "/style/")
    assert stage.page.evaluate("document.documentElement.scrollWidth") <= width
    stage.page.evaluate(AXE.read_text())
    found = stage.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
    assert found == []
    text = stage.page.inner_text("body")
    assert not re.search("[\u202f\u2011\u2264\u2265\u2190-\u21ff]", text)
