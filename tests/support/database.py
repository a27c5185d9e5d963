"""One throw-away PostgreSQL for a whole run, shared by its xdist workers; one database each, cloned from a template.

Loaded by `-p` before Django's settings, so that settings and child processes find their addresses in the environment.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cercle.base.common import keys, postgres
from cercle.base.common.postgres import Server

TEMPLATE = "template_cercle"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
NAME = f"test_{WORKER}"
ROOT = Path(__file__).resolve().parent.parent.parent


KEPT = ROOT / ".pytest_cache" / "cercle"


def _sweep() -> None:
    """Stop the servers of runs that were killed."""
    for old in [*Path("/tmp").glob("cercle-test-*"), *Path("/dev/shm").glob("cercle-test-*")]:
        with contextlib.suppress(Exception):
            if old.stat().st_uid == os.geteuid() and not Path(f"/proc/{(old / 'pid').read_text()}").exists():
                Server(old).stop()
                shutil.rmtree(old, ignore_errors=True)


def memory() -> str:
    """In memory where there is room; the path stays short enough for a socket."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > 3 * 1024**3 and os.access("/dev/shm", os.W_OK):
            return "/dev/shm"
    return "/tmp"


def _home() -> Path:
    if found := os.environ.get("CERCLE_TEST_HOME"):
        return Path(found)
    _sweep()
    made = Path(tempfile.mkdtemp(prefix="cercle-test-", dir=memory()))
    if os.geteuid() == 0:
        made.chmod(0o711)  # the database's own user walks through
    (made / "pid").write_text(str(os.getpid()))
    (made / "secrets").mkdir(mode=0o700)
    for role in postgres.ROLES:  # the same in every run: a kept template must accept them
        (made / "secrets" / f"postgres.{role}").write_text(keys.secret(KEPT, f"postgres.{role}"))
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
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's sync API keeps an event loop in our thread


class NotMigrated(Exception):
    """Some app's migrations fail; the text says which."""


def ready() -> None:
    """Start the server and migrate the template, once per run whoever comes first."""
    with (HOME / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = HOME / "template.state"
        if not state.exists():
            kept = KEPT / f"template-{_fingerprint()}.tar"
            if _restore(kept):
                SERVER.start()
                state.write_text("")
                return
            SERVER.start()
            SERVER.create_database(TEMPLATE)
            code = "import django; from django.core.management import call_command as call; django.setup(); "
            code += (
                "call('migrate', 'common', database='owner', verbosity=0); "  # the extensions, whatever depends on them
            )
            code += "call('migrate', database='owner', verbosity=0)"
            env = {**os.environ, **environment(TEMPLATE)}
            done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True)
            state.write_text("" if done.returncode == 0 else done.stdout[-500:] + done.stderr[-3000:])
            if done.returncode == 0:
                _keep(kept)
        if said := state.read_text():
            raise NotMigrated(f"`migrate` failed on the test template, so no test can have a database:\n{said}")


def _fingerprint() -> str:
    """Changes with anything that a migration runs or reads."""
    found = hashlib.sha256()
    paths = {ROOT / "requirements.lock", ROOT / "config" / "settings.py", Path(postgres.__file__)}
    for path in ROOT.joinpath("cercle").rglob("*"):
        if path.suffix == ".py" and ("migrations" in path.parts or "models" in path.parts):
            paths.add(path)
            for module in re.findall(r"^(?:from|import) (cercle[.\w]+)(?: import (\w+))?", path.read_text(), re.M):
                paths |= {ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in (module[0], ".".join(module))}
        elif path.name in {"models.py", "apps.py", "grants.py"} or path.suffix in {".json", ".csv", ".tsv", ".sql"}:
            paths.add(path)
    for path in sorted(path for path in paths if path.is_file() and "static" not in path.parts):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:20]


def _keep(kept: Path) -> None:
    """Keep the migrated server for the next runs; only the newest one stays."""
    SERVER.stop()
    for old in kept.parent.glob("template-*.tar"):
        old.unlink(missing_ok=True)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    subprocess.run(["tar", "-cf", draft, "-C", HOME, "postgres/data"], check=True)
    draft.rename(kept)
    SERVER.start()


def _restore(kept: Path) -> bool:
    """Put a kept server into HOME."""
    if not kept.exists() or kept.stat().st_uid != os.geteuid():
        return False
    place = HOME / "postgres"
    place.mkdir(mode=0o700)
    if subprocess.run(["tar", "-xpf", kept, "-C", HOME, "--numeric-owner"], capture_output=True).returncode:
        shutil.rmtree(place, ignore_errors=True)
        return False
    owner = (place / "data").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    return True


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
