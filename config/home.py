"""Where this installation keeps things: folder, secrets, database addresses."""

import base64
import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cercle.base.common import keys, postgres


def path() -> Path:
    root = Path(os.environ.get("CERCLE_HOME") or Path(__file__).resolve().parent.parent / "var")
    return root.absolute()


def secret(name: str, make=keys._token) -> str:
    """The text of `CERCLE_HOME/secrets/<name>`, made on first use, readable by its owner only."""
    return keys.secret(path(), name, make)


def fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def parse_url(url: str) -> dict:
    """postgresql://user:password@host:port/name?host=/socket/dir&sslmode=… to Django's DATABASES entry."""
    parts = urlsplit(url)
    options = {k: v[-1] for k, v in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "cercle",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or (parts.hostname or ""),
        "PORT": options.pop("port", None) or (str(parts.port) if parts.port else ""),
        "CONN_MAX_AGE": None,  # one connection a thread, kept; cercle.base.common.connections closes the dead ones
        "OPTIONS": options,
    }


def databases() -> dict:
    """`default` is the application role; `owner` (when its address is given) migrates.

    Without DATABASE_URL: the embedded server's address, once it has been made; nothing is started here.
    """
    url, owner = os.environ.get("DATABASE_URL"), os.environ.get("DATABASE_OWNER_URL")
    if not url and (path() / "secrets" / "postgres.app").exists():
        url = postgres.Server(path()).url("app")
    found = {"default": parse_url(url) if url else {"ENGINE": "django.db.backends.postgresql", "NAME": "cercle"}}
    if owner:
        found["owner"] = parse_url(owner)
    return found
