"""Static files, collected again only when one of them changed."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def fingerprint() -> str:
    seen = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            seen.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def collect(say: Callable[[str], None]) -> None:
    root = Path(settings.STATIC_ROOT)
    stamp = root / ".fingerprint"
    now = fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    say("Fichiers statiques…")
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(now)
