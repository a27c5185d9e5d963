"""Static files, collected again only when one of them changed."""

import fcntl
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
    root.mkdir(parents=True, exist_ok=True)
    stamp = root / ".fingerprint"
    now = fingerprint()
    with (root / ".lock").open("w") as lock:  # several web processes may share this folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == now:
            return
        say("Fichiers statiques…")
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(now)
