"""`make check`: style, floors, types, security, migrations, catalogues, and nothing of this machine in the files.

python scripts/check.py [NAME …]    only the named steps
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

# What bandit suspects and a person has read: (rule, file): why it is safe.
ACCEPTED = {
    ("B308", "cercle/base/web/templatetags/web.py"): "every value goes through escape()",
    ("B703", "cercle/base/web/templatetags/web.py"): "every value goes through escape()",
    ("B608", "cercle/base/audit/grants.py"): "names quoted by the backend, no value",
    ("B608", "cercle/base/audit/seals.py"): "column names are constants",
    ("B608", "cercle/base/realtime/stream.py"): "placeholders only",
    ("B701", "cercle/base/web/jinja.py"): "Django's backend sets autoescape",
    ("B608", "cercle/care/notebook/queries.py"): "constants joined, values bound",
    ("B608", "cercle/people/circles/faces.py"): "constants joined, values bound",
    ("B608", "cercle/people/directory/queries.py"): "a table name among two, values bound",
    ("B608", "cercle/care/record/lists.py"): "constants joined, values bound",
    ("B608", "cercle/people/accounts/backends.py"): "columns of models, values bound",
    ("B608", "cercle/people/circles/access.py"): "columns of models, values bound",
    ("B608", "cercle/people/circles/audience.py"): "columns of models, values bound",
    ("B314", "cercle/doors/fhir/xml.py"): "a document type is refused before parsing, so no entity",
    ("B608", "cercle/people/accounts/lockout.py"): "constants joined, values bound",
    ("B608", "cercle/people/directory/imports/corrections.py"): "names composed by psycopg.sql",
    ("B608", "cercle/people/directory/imports/run.py"): "names composed by psycopg.sql",
    ("B104", "cercle/people/accounts/adapter.py"): "a name for an unknown client, nothing listens",
    ("B104", "config/serve.py"): "compared, not bound",
    ("B608", "config/demo/check.py"): "constants joined, values bound",
    ("B608", "cercle/care/agenda/queries.py"): "columns of models, values bound",
    ("B608", "cercle/care/agenda/stays.py"): "constants joined, values bound",
    ("B608", "cercle/care/coordination/migrations/0004_plan_kept.py"): "names of our own tables",
    ("B308", "cercle/care/questionnaires/rendering.py"): "every value goes through escape()",
    ("B703", "cercle/care/questionnaires/rendering.py"): "every value goes through escape()",
    (
        "B608",
        "cercle/doors/steering/engine.py",
    ): "measures and dimensions are constants of the indicators, values bound",
    ("B608", "cercle/doors/steering/sources.py"): "names of our own tables, values bound",
    ("B310", "config/serve.py"): "our own /healthz",
    ("B310", "config/service/management/commands/status.py"): "our own /healthz",
}

# Words cut in two, so that this file may be searched too.
FOREIGN = [
    "pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "npmjs" + r"\.(org|com)", "yarn" + "pkg",
    "(?<![a-z.])/wo" + "rk/", "/ro" + "ot/", "/opt/" + "wheels", "/opt/" + "pypi", "index" + "-url =",
]  # fmt: skip


def main() -> int:
    steps: dict[str, Callable[[], str]] = {
        "ruff": lambda: output(BIN / "ruff", "check", "--output-format", "concise", "."),
        "format": lambda: output(BIN / "ruff", "format", "--check", "--output-format", "concise", "."),
        "floors": lambda: output(BIN / "lint-imports", "--no-cache", "--no-logo"),
        "types": types,
        "security": security,
        "settings": lambda: django("check", "--fail-level", "ERROR"),
        "migrations": lambda: django("makemigrations", "--check", "--dry-run"),
        "catalogues": lambda: output(BIN / "python", "scripts/catalogues.py", "--check"),
        "places": places,
    }
    wanted = sys.argv[1:] or list(steps)
    failed = []
    for name in wanted:
        said = steps[name]()
        print(f"{'non' if said else 'oui':4}{name}", flush=True)
        if said:
            failed.append(name)
            print(said, flush=True)
    if failed:
        print(f"make check : {', '.join(failed)} à revoir", file=sys.stderr)
    return 1 if failed else 0


def output(*command: object, env: dict | None = None) -> str:
    """What a command said, if it failed; "" when all is well."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return (done.stdout.strip() or f"exit {done.returncode}")[-6000:] if done.returncode else ""


def django(*arguments: str) -> str:
    with tempfile.TemporaryDirectory() as home:  # never the secrets of the installation that lives here
        env = {"CERCLE_HOME": home, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONWARNINGS": "ignore"}
        return output(BIN / "python", "-m", "django", *arguments, env=env)


def types() -> str:
    found = ROOT.glob("cercle/*/*/*")
    actions = [p for p in found if p.name in ("actions.py", "actions") and "doors" not in p.relative_to(ROOT).parts]
    targets = [str(path.relative_to(ROOT)) for path in sorted(actions)] + ["cercle/doors"]
    with tempfile.TemporaryDirectory() as home:
        return output(BIN / "mypy", "--no-error-summary", *targets, env={"CERCLE_HOME": home})


def security() -> str:
    done = subprocess.run(
        [BIN / "bandit", "-q", "-ll", "-c", "pyproject.toml", "-f", "json", "-r", "cercle", "config", "scripts"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    lines = [f"{f['filename']}: {f['reason']}" for f in found["errors"]]
    for result in found["results"]:
        if (result["test_id"], result["filename"]) not in ACCEPTED:
            lines.append(f"{result['filename']}:{result['line_number']}: {result['test_id']} {result['issue_text']}")
    return "\n".join(lines)


def places() -> str:
    """No package registry's host and no path of the machine where this was written, in any tracked file."""
    pattern = re.compile("|".join(FOREIGN))
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    lines = []
    for name in filter(None, names):
        try:
            text = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        lines += [
            f"{name}:{number}: {line.strip()[:160]}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
