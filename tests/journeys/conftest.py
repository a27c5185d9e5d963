"""One real site for a module's journeys; each journey makes its own people, signed in by cookie unless signing in is its subject."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make
from tests.support import database
from tests.support.site import FreshDatabase, Site

_numbers = itertools.count(1)
# What axe is asked about at each run, and what `make test-slow` adds.
LOOKS = [
    ("desk", "light"), ("phone", "dark"), pytest.param("desk", "dark", marks=pytest.mark.slow),
    pytest.param("phone", "light", marks=pytest.mark.slow),
]  # fmt: skip
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


def aside(work: Callable):
    """In a thread: Playwright's loop holds this one, where Django refuses to reach the database."""

    def run():
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        return other.submit(run).result()


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker) -> Iterator[Site]:
    fresh = FreshDatabase(f"journey_{database.WORKER}_{next(_numbers)}")
    database.clone(fresh.name)
    before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    with django_db_blocker.unblock():
        for alias in connections:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = fresh.name
        try:
            with Site(fresh) as started:
                started.start_web(CERCLE_MFA_REQUIRED="0")
                started.start_jobs()
                yield started
        finally:
            for alias, name in before.items():
                connections[alias].close()
                connections[alias].settings_dict["NAME"] = name
    database.drop(fresh.name)


class Town:
    """The people of one journey, and their browsers."""

    def __init__(self, browser, site: Site):
        self.browser, self.site = browser, site
        self.contexts: list = []
        self.refused: list[str] = []

    def circle(self, **traits):
        """Bruno, nurse, lead; Erwan, doctor; their circle's id."""

        def tell():
            self.bruno = make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), **traits)
            self.erwan = self.member("Erwan", "Kervella", profession="10", civility="M")
            return str(self.bruno.circle_id)

        return aside(tell)

    def member(self, given, family, **fields):
        role = make.role(given, family, **fields)
        person = make.user(role)
        circles.add_member(self.bruno, practice_role=role, ground="recognised")
        return reach(make_viewer(person, role), self.bruno.circle_id)

    def page(self, person=None, size="desk", **options):
        """A browser of its own, signed in as `person` (an Acting, a Viewer or nobody)."""
        context = self.browser.new_context(
            base_url=self.site.url,
            locale="fr-FR",
            viewport=SIZES[size] if size in SIZES else {"width": int(size), "height": 800},
            **options,
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        if person is not None:
            user = getattr(person, "user", person)

            def sign_in() -> str:
                client = Client()
                client.force_login(user)
                return client.cookies[settings.SESSION_COOKIE_NAME].value

            key = aside(sign_in)
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self.site.url}])
        page = context.new_page()
        page.on("console", lambda m: self.refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("pageerror", lambda e: self.refused.append(str(e)))
        return page


@pytest.fixture
def town(browser, site) -> Iterator[Town]:
    made = Town(browser, site)
    yield made
    for context in made.contexts:
        context.close()
    assert made.refused == []


def by_password(page, user, password=make.PASSWORD) -> None:
    page.goto("/connexion/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Se connecter").click()
