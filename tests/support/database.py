"""One throw-away PostgreSQL for a whole run, shared by its xdist workers; one database each, cloned from a template.

Loaded by `-p` before Django's settings, so that settings and child processes find their addresses in the environment.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cercle.base.common.postgres import Server

TEMPLATE = "template_cercle"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
NAME = f"test_{WORKER}"
ROOT = Path(__file__).resolve().parent.parent.parent


def _sweep() -> None:
    """Stop the servers of runs that were killed."""
    for old in Path("/tmp").glob("cercle-test-*"):  # noqa: S108
        with contextlib.suppress(Exception):
            if old.stat().st_uid == os.geteuid() and not Path(f"/proc/{(old / 'pid').read_text()}").exists():
                Server(old).stop()
                shutil.rmtree(old, ignore_errors=True)


def _home() -> Path:
    if found := os.environ.get("CERCLE_TEST_HOME"):
        return Path(found)
    _sweep()
    made = Path(tempfile.mkdtemp(prefix="cercle-test-", dir="/tmp"))  # noqa: S108  short enough for a socket
    if os.geteuid() == 0:
        made.chmod(0o711)  # the database's own user walks through
    (made / "pid").write_text(str(os.getpid()))
    os.environ["CERCLE_TEST_HOME"] = str(made)
    return made


HOME = _home()
SERVER = Server(HOME, durable=False)


def environment(name: str) -> dict[str, str]:
    """What a process needs to work on database `name` of this run."""
    return {
        "CERCLE_HOME": str(HOME),
        "DATABASE_URL": SERVER.url("app", name),
        "DATABASE_OWNER_URL": SERVER.url("owner", name),
        "DJANGO_SETTINGS_MODULE": "tests.support.settings",
    }


os.environ.update(environment(NAME))


class NotMigrated(Exception):
    """Some app's migrations fail; the text says which."""


def ready() -> None:
    """Start the server and migrate the template, once per run whoever comes first."""
    with (HOME / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = HOME / "template.state"
        if not state.exists():
            SERVER.start()
            SERVER.create_database(TEMPLATE)
            code = "import django; from django.core.management import call_command as call; django.setup(); "
            code += "call('migrate', 'common', database='owner', verbosity=0); "  # the extensions, whatever depends on them
            code += "call('migrate', database='owner', verbosity=0)"
            env = {**os.environ, **environment(TEMPLATE)}
            done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True)
            state.write_text("" if done.returncode == 0 else done.stdout[-500:] + done.stderr[-3000:])
        if said := state.read_text():
            raise NotMigrated(f"`migrate` failed on the test template, so no test can have a database:\n{said}")


def clone(name: str) -> None:
    SERVER.create_database(name, TEMPLATE)


def drop(name: str) -> None:
    SERVER.drop_database(name)


def close() -> None:
    """The run is over (called by the process that made HOME)."""
    with contextlib.suppress(Exception):
        SERVER.stop()
    shutil.rmtree(HOME, ignore_errors=True)


def pytest_unconfigure(config) -> None:
    if not hasattr(config, "workerinput"):
        close()
