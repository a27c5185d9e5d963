"""Fixtures of every test. An ordinary test asks for `db` (rolled back at its end, as `cercle_app`);
a test that commits, or looks from several processes, asks for `fresh_db`, a database of its own;
a browser journey asks for `live_site`, the real server on such a database.
"""

import itertools
from collections.abc import Iterator

import pytest

from tests.support import browsers, database
from tests.support.site import FreshDatabase, Site

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker) -> Iterator[None]:
    """pytest-django's `db` works on this worker's clone of the migrated template."""
    try:
        database.ready()
        database.clone(database.NAME)
    except database.NotMigrated as error:
        pytest.fail(str(error), pytrace=False)
    yield
    from django.db import connections

    with django_db_blocker.unblock():
        connections.close_all()
    database.drop(database.NAME)


@pytest.fixture
def fresh_db(django_db_setup, django_db_blocker) -> Iterator[FreshDatabase]:
    """A database that only this test uses: commits stay, other processes see them. 60 ms. Do not ask for `db` too."""
    from django.db import connections

    fresh = FreshDatabase(f"fresh_{database.WORKER}_{next(_numbers)}")
    database.clone(fresh.name)
    before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    with django_db_blocker.unblock():
        for alias in connections:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = fresh.name
        try:
            yield fresh
        finally:
            for alias, name in before.items():
                connections[alias].close()
                connections[alias].settings_dict["NAME"] = name
    database.drop(fresh.name)


@pytest.fixture
def live_site(fresh_db) -> Iterator[Site]:
    """The real web server on `fresh_db` at `live_site.url`; `live_site.start_jobs()` adds the job process."""
    with Site(fresh_db) as site:
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def browser():
    """Chromium. For a module, not the session: while it lives, this thread has a running event loop."""
    with browsers.chromium() as started:
        yield started


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def pytest_terminal_summary(terminalreporter) -> None:
    """A browser test that did not run is said, with their number, at the very end."""
    passed_over = [r for r in terminalreporter.stats.get("skipped", []) if browsers.MISSING in str(r.longrepr)]
    if passed_over:
        terminalreporter.write_line(f"{len(passed_over)} tests de navigateur passés : {browsers.MISSING}", yellow=True)
