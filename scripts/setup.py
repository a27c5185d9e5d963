"""Prepare this clone: uv, the virtual environment, locked dependencies, front-end parts, compiled catalogues.

    python3 scripts/setup.py          what the product needs
    python3 scripts/setup.py --dev    and what its tests need

Standard library only. A step whose inputs did not change is skipped, so nothing needs the network the second time.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
UV = "uv==0.13.9"  # exact, as everything here
STAMPS = TOOLS / "stamps.json"


class Stop(Exception):
    """One line that says what to do."""


def main() -> None:
    dev = "--dev" in sys.argv[1:]
    if sys.version_info < (3, 11):  # noqa: UP036  said to whoever has an older one
        raise Stop("Cercle demande Python 3.11 ou plus récent : PYTHON=python3.11 make demo")
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once: the second waits, then finds all done
        environment()
        dependencies(dev)
        assets()
        catalogues()


def environment() -> None:
    if not (TOOLS / "bin" / "uv").exists():
        say("uv…")
        run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", TOOLS, UV],
            missing="pip manque : apt install python3-pip")  # fmt: skip
    python = VENV / "bin" / "python"
    alive = python.exists() and not subprocess.run([python, "-c", "pass"], capture_output=True).returncode
    if not alive:  # absent, or its interpreter went away
        say("Environnement Python…")
        uv("venv", "--quiet", "--clear", "--python", sys.executable, VENV)


def dependencies(dev: bool) -> None:
    stamps = read_stamps()
    wanted = {kind: digest(ROOT / file, VENV / "pyvenv.cfg") for kind, file in LOCKS.items()}
    kind = "dev" if dev or "dev" in stamps else "run"  # it contains the other set, and is never taken away again
    if stamps.get(kind) == wanted[kind] and (VENV / "bin" / "cercle").exists():
        return
    say("Dépendances…")
    uv("pip", "sync", "--quiet", "--require-hashes", ROOT / LOCKS[kind])
    uv("pip", "install", "--quiet", "--no-deps", "--editable", ROOT)
    write_stamps({kind: wanted[kind]})


LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}


def assets() -> None:
    script = ROOT / "scripts" / "assets.py"
    if subprocess.run([VENV / "bin" / "python", script, "--check"], capture_output=True).returncode:
        say("Feuilles de style, icônes, police…")
        run([VENV / "bin" / "python", script], quiet=True)


def catalogues() -> None:
    run([VENV / "bin" / "python", ROOT / "scripts" / "catalogues.py"], quiet=True)


def uv(*arguments: object) -> None:
    # Never let uv fetch a Python of its own.
    env = {"UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(VENV)}
    run([TOOLS / "bin" / "uv", *arguments], env=env, quiet=True)


def run(command: list, *, env: dict | None = None, quiet: bool = False, missing: str = "") -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if quiet else None, stderr=subprocess.PIPE,
    )  # fmt: skip
    if done.returncode:
        raise Stop(explain(done.stderr, missing, command))


def explain(said: str, missing: str, command: list) -> str:
    low = said.lower()
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "sans message")
    if "no module named pip" in low and missing:
        return missing
    if "no space left" in low:
        return f"Disque plein pendant l’installation : {last}"
    if any(word in low for word in ("dns error", "failed to fetch", "connection", "temporary failure", "unreachable",
                                    "enotfound", "eai_again", "timed out")):  # fmt: skip
        return f"La première installation demande le réseau, et il ne répond pas : {last}"
    if "hash mismatch" in low:
        return f"Un paquet reçu n’est pas celui qui est verrouillé : {last}"
    return (
        f"« {Path(str(command[0])).name} {' '.join(str(c) for c in command[1:3])} » a échoué : {said.strip()[-1500:]}"
    )


def digest(*paths: Path) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def read_stamps() -> dict:
    try:
        return json.loads(STAMPS.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def write_stamps(stamps: dict) -> None:
    draft = STAMPS.with_suffix(".new")
    draft.write_text(json.dumps(stamps))
    draft.replace(STAMPS)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Stop as reason:
        sys.exit(f"cercle : {reason}")
    except OSError as error:
        full = shutil.disk_usage(ROOT).free < 50 * 1024**2
        sys.exit(f"cercle : {'Disque plein : ' if full else ''}{error}")
