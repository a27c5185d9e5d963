"""Secrets of one installation: one file each under `CERCLE_HOME/secrets`, made on first use."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def _token() -> str:
    return secrets.token_urlsafe(50)


def folder(home: Path) -> Path:
    """Make `home` if it is missing: closed to others, but root lets the database's own user walk through."""
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            home.mkdir(mode=0o700)
            if os.geteuid() == 0:
                home.chmod(0o711)
        except FileExistsError:
            pass  # another process was faster
    return home


def secret(home: Path, name: str, make: Callable[[], str] = _token) -> str:
    """The text of `home/secrets/<name>`; two processes that start together get the same one."""
    file = home / "secrets" / name
    try:
        return file.read_text()
    except FileNotFoundError:
        pass
    folder(home)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    draft = file.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(make())
            opened.flush()
            os.fsync(opened.fileno())
        os.link(draft, file)  # the first writer wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text()
