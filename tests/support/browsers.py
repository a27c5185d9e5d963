"""The distribution's Chromium, driven by Playwright."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

MISSING = "Chromium n’est pas installé (apt install chromium)"


def path() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def chromium(**options) -> Iterator:
    """A Playwright `Browser`; skips the test, for a reason that is counted, where there is none."""
    executable = path()
    if not executable:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        started = play.chromium.launch(executable_path=executable, args=arguments, **options)
        yield started
        started.close()
