"""The pictures of the user guide and of the README, taken from the demo territory, so that they stay true.

pytest -m slow tests/journeys/test_guide_pictures.py
"""

import base64
import hmac
import io
import json
import struct
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.support.database import ROOT
from tests.support.site import Site

GUIDE, README = ROOT / "docs" / "guide" / "images", ROOT / "docs" / "images"
PASSWORD = "demo demo demo"
MOST_BYTES = 300_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def territory(fresh_db):
    with Site(fresh_db) as site:
        yield _filled(site)


def _filled(live_site: Site) -> Site:
    command = [sys.executable, "-m", "config.cli", "demo", "--patients", "60", "--seed", "1"]
    done = subprocess.run(command, env=live_site.env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = [sys.executable, "-m", "config.cli", "demo-accounts", "--json"]
    rows = json.loads(subprocess.run(listed, env=live_site.env, cwd=ROOT, capture_output=True, text=True).stdout)
    live_site.start_web(CERCLE_MFA_REQUIRED="0")
    live_site.secrets = {row["login"]: row["totp_secret"] for row in rows}
    return live_site


def code(secret: str) -> str:
    """RFC 6238, six digits, thirty seconds."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def sign_in(browser, site, login: str, **screen):
    context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris", color_scheme="light", **screen)
    page = context.new_page()
    page.goto(f"{site.url}/connexion/")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_load_state()
    if page.locator("[name=code]").count():
        page.fill("[name=code]", code(site.secrets[login]))
        page.press("[name=code]", "Enter")
        page.wait_for_load_state()
    assert "/connexion/" not in page.url
    return page


def keep(page, path) -> None:
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)  # pictures only: thumbnails and faces settle
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES


def open_patient(page, site, name: str = "Yvonne LE GALL") -> str:
    page.goto(f"{site.url}/patients/")
    page.locator(".patient-row-name a", has_text=name).first.click()
    page.wait_for_url("**/patients/*-*/**")
    return page.url


DESK = {"viewport": {"width": 1280, "height": 820}}
PHONE = {"viewport": {"width": 390, "height": 780}}


def the_nurse_writes_and_looks(browser, territory):
    page = sign_in(browser, territory, "maelle@demo.example", **DESK)
    page.goto(f"{territory.url}/patients/")
    keep(page, GUIDE / "mes-patients.png")
    address = open_patient(page, territory)
    keep(page, GUIDE / "cahier.png")
    keep(page, README / "notebook.png")
    page.locator(".compose-closed .invite").first.click()
    page.locator(".compose-text").first.fill("Pansement refait ce matin, plaie propre. À revoir vendredi.")
    keep(page, GUIDE / "ecrire.png")
    for tab in ("cercle", "dossier", "acces"):
        page.goto(f"{address}{tab}/")
        keep(page, GUIDE / f"{tab}.png")
    phone = sign_in(browser, territory, "maelle@demo.example", **PHONE)
    open_patient(phone, territory)
    keep(phone, GUIDE / "telephone.png")


def the_coordinator_adds_a_patient(browser, territory):
    page = sign_in(browser, territory, "nolwenn@demo.example", **DESK)
    page.goto(f"{territory.url}/patients/nouveau/")
    keep(page, GUIDE / "ajouter-un-patient.png")
    page.goto(f"{territory.url}/droits/")
    keep(page, GUIDE / "droits.png")
    return page  # a code serves once: she goes on with this one


def the_coordinator_works_at_the_desk(page, territory):
    for address, name in (("guichet/", "guichet"), ("agenda/", "agenda")):
        page.goto(f"{territory.url}/{address}")
        keep(page, GUIDE / f"{name}.png")
    page.goto(f"{territory.url}/dossiers/")
    page.locator("table a[href*='/coordination/'], table a[href*='/dossiers/']", has_text="LE GALL").first.click()
    page.wait_for_load_state()
    keep(page, GUIDE / "appui.png")
    address = open_patient(page, territory)
    page.goto(f"{address}plan/")
    keep(page, GUIDE / "plan.png")
    page.goto(f"{address}grilles/")
    page.get_by_role("link", name="AGGIR").first.click()
    keep(page, GUIDE / "aggir.png")


def the_director_reads_her_figures(page, territory):
    page.goto(f"{territory.url}/pilotage/")
    keep(page, GUIDE / "pilotage.png")


def the_administrator_sees_her_accounts(browser, territory):
    page = sign_in(browser, territory, "brigitte@demo.example", **DESK)
    page.goto(f"{territory.url}/ma-structure/")
    keep(page, GUIDE / "comptes.png")


def test_the_pictures_of_the_guide_show_the_screens_as_they_are(browser, territory):
    the_nurse_writes_and_looks(browser, territory)
    coordinator = the_coordinator_adds_a_patient(browser, territory)
    the_coordinator_works_at_the_desk(coordinator, territory)
    the_director_reads_her_figures(coordinator, territory)
    the_administrator_sees_her_accounts(browser, territory)
