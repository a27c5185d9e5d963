"""The door in a real browser: a passkey is enrolled, then opens alone; codes by QR; no script is refused by the CSP."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from cercle.people.accounts import actions
from cercle.people.accounts.models import User

from .conftest import PASSWORD, SECRET, code

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def browser(live_site):
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser, live_site):
    context = browser.new_context(base_url=live_site.url, locale="fr-FR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.refused = []
    page.on("console", lambda m: page.refused.append(m.text) if "Content Security Policy" in m.text else None)
    tool = context.new_cdp_session(page)
    tool.send("WebAuthn.enable")
    tool.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    page.tool = tool
    yield page
    context.close()


def make_user(secret: str | None = None) -> None:
    """In a thread: Playwright's loop holds this one, where Django refuses to reach the database."""

    def make():
        try:
            user = User.objects.create_user("maelle@example.org", PASSWORD, first_name="Maëlle", last_name="Tanguy")
            if secret:
                actions.give_second_factor(user, secret)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as aside:
        aside.submit(make).result()


def by_password(page) -> None:
    page.goto("/connexion/")
    page.fill("[name=login]", "maelle@example.org")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def test_a_passkey_enrolled_at_first_sign_in_then_opens_alone(page):
    make_user()
    by_password(page)
    page.wait_for_url("**/compte/premiers-pas/")
    page.get_by_role("link", name="Mon doigt, mon visage").click()
    page.fill("[name=name]", "Mon téléphone")
    page.get_by_role("button", name="Ajouter cette clé").click()
    page.wait_for_url("**/compte/codes-de-secours/")
    page.goto("/compte/securite/")
    assert page.get_by_text("Mon téléphone", exact=True).is_visible()
    page.goto("/deconnexion/")
    page.get_by_role("button", name="Me déconnecter").click()
    page.wait_for_url("**/connexion/")
    page.get_by_role("button", name="Continuer avec ce téléphone").click()
    page.wait_for_url(lambda url: "/connexion/" not in url)
    page.goto("/compte/securite/")
    assert page.get_by_text("Mon téléphone", exact=True).is_visible()
    assert page.refused == []


def test_a_passkey_that_is_not_given_is_said_in_words(page):
    make_user()
    page.goto("/connexion/")
    page.get_by_role("button", name="Continuer avec ce téléphone").click()
    page.get_by_text("La clé d’accès n’a pas été donnée").wait_for()
    assert page.refused == []


def test_codes_open_and_the_eye_shows_the_password(page):
    make_user(SECRET)
    page.goto("/connexion/")
    page.fill("[name=password]", "visible")
    page.get_by_role("button", name="Montrer le mot de passe").click()
    assert page.get_attribute("[name=password]", "type") == "text"
    by_password(page)
    page.wait_for_url("**/connexion/code/")
    page.fill("[name=code]", code())
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url(lambda url: "/connexion/" not in url)
    assert page.refused == []
