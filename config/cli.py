"""`cercle …`: Django's commands with the embedded server behind them, and one clear line when something is wrong.

`cercle import annuaire F` runs the command `import_annuaire` if there is one, else `import`.
"""

import contextlib
import errno
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import shorten
from traceback import print_exc

from cercle import __version__
from cercle.base.common.errors import Refused

# What `cercle --help` shows, in this order; a command of ours that is missing here is listed under « Autres ».
GROUPS = {
    "Faire tourner": ("run", "web", "jobs", "stop", "status", "migrate"),
    "Importer et exporter": ("import", "reference", "export", "notebook", "backup", "restore", "files"),
    "Raccorder": ("hl7",),
    "Identités": ("patients",),
    "Traces": ("audit",),
    "Comptes et démonstration": ("accounts", "user", "demo"),
}
NO_DATABASE = {
    "collectstatic", "compilemessages", "diffsettings", "findstatic", "instruments_list", "instruments_score", "makemessages",
    "makemigrations", "startapp", "status", "stop",
}  # fmt: skip
HIDDEN_OPTIONS = {
    "--version",
    "--settings",
    "--pythonpath",
    "--no-color",
    "--force-color",
    "--skip-checks",
    "--traceback",
}


def main(argv: list[str] | None = None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    full = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        status = _run(words)
    except SystemExit as leaving:
        code = leaving.code
        status = code if code is None or isinstance(code, int) else _say(str(code))
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        if full:
            print_exc()
        status = _say(_one_line(error))
    sys.exit(status or 0)


def _run(words: list[str]) -> int | None:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_help())
        return 0
    if words[0] in {"--version", "version"}:
        print(__version__)
        return 0
    name, rest = _resolve(words)
    if name == "run" and "--demo" in rest:
        os.environ.setdefault("CERCLE_INSECURE_HTTP", "1")  # the demo is plain HTTP on this machine
        # Demo accounts without a second factor sign in; those that have one are asked for it (refused on another base).
        os.environ.setdefault("CERCLE_MFA_REQUIRED", "0")
        os.environ.setdefault("CERCLE_TOTP_CODES_SERVE_TWICE", "1")
    if name in NO_DATABASE or {"-h", "--help"} & set(rest):
        return _execute(name, rest, words)
    with database():
        return _execute(name, rest, words)


@contextlib.contextmanager
def database():
    """The addresses in the environment, and the embedded server up while we need it when no address was given."""
    if os.environ.get("DATABASE_URL"):
        yield None
        return
    from cercle.base.common.postgres import Server
    from config import home

    server = Server(home.path())
    with server.use():
        os.environ["DATABASE_URL"] = server.url("app")
        os.environ["DATABASE_OWNER_URL"] = server.url("owner")
        os.environ["CERCLE_EMBEDDED"] = "1"
        try:
            yield server
        finally:
            with contextlib.suppress(Exception):
                from django.db import connections

                connections.close_all()
            for variable in ("DATABASE_URL", "DATABASE_OWNER_URL", "CERCLE_EMBEDDED"):
                os.environ.pop(variable, None)


def commands() -> dict[str, str]:
    """Name of a command to the package that holds it, for the commands of this project."""
    import cercle
    import config

    found = {}
    for package in (cercle, config):
        root = Path(package.__path__[0])
        for folder in root.rglob("management/commands"):
            prefix = ".".join((package.__name__, *folder.relative_to(root).parts))
            found |= {m.name: f"{prefix}.{m.name}" for m in iter_modules([str(folder)]) if not m.name.startswith("_")}
    return found


def _resolve(words: list[str]) -> tuple[str, list[str]]:
    """The longest run of words that names a command of ours, else a command of Django or of another application."""
    ours = commands()
    plain = []
    for word in words:
        if word.startswith("-"):
            break
        plain.append(word)
    for count in range(min(len(plain), 3), 0, -1):
        for name in ("_".join(plain[:count]), "_".join(plain[:count]).replace("-", "_")):
            if name in ours:
                return name, words[count:]
    return words[0], words[1:]


def _execute(name: str, rest: list[str], words: list[str]) -> int | None:
    import django
    from django.core.management import get_commands, load_command_class

    django.setup()
    origin = get_commands().get(name)
    if origin is None:
        near = sorted(other for other in commands() if other.startswith(f"{name}_"))
        if near:
            raise Refused(f"« cercle {name} » attend la suite : {', '.join(n.split('_', 1)[1] for n in near)}", "usage")
        raise Refused(f"« cercle {words[0]} » n’existe pas ; « cercle --help » donne la liste.", "usage")
    command = load_command_class(origin, name) if isinstance(origin, str) else origin
    command._called_from_command_line = True
    command.suppressed_base_arguments = set(command.suppressed_base_arguments) | HIDDEN_OPTIONS
    parser = command.create_parser("cercle", " ".join(words[: len(words) - len(rest)]))
    options = vars(parser.parse_args(rest))
    command.execute(*options.pop("args", ()), **options)
    return 0


def _help() -> str:
    import django

    django.setup()
    left = dict(sorted(commands().items()))
    lines = ["cercle : coordination des soins. « cercle COMMANDE --help » détaille une commande.", ""]
    for title, prefixes in [*GROUPS.items(), ("Autres", ("",))]:
        members = [
            name for prefix in prefixes for name in left if f"{name}_".startswith(f"{prefix}_" if prefix else "")
        ]
        members = [name for name in dict.fromkeys(members) if name in left]
        if members:
            lines.append(f"{title} :")
            lines += [f"  {_spoken(name):<24}{_summary(left.pop(name))}" for name in members]
            lines.append("")
    lines.append(
        "Toute commande accepte --traceback ; celles de Django marchent aussi (cercle shell, cercle dbshell…)."
    )
    return "\n".join(lines)


def _spoken(name: str) -> str:
    return name.replace("_", "-") if name.startswith("demo_") else name.replace("_", " ")


def _summary(module: str) -> str:
    try:
        text = str(import_module(module).Command.help)
    except Exception as error:  # a broken command must not hide the others
        return f"(ne se charge pas : {type(error).__name__})"
    return shorten(re.split(r"(?<=[.;]) ", " ".join(text.split()))[0], 100, placeholder="…").rstrip(" .;")


def _one_line(error: Exception) -> str:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management.base import CommandError

    text = " ".join(str(error).split())
    if isinstance(error, Refused | CommandError | ImproperlyConfigured):
        return text
    if isinstance(error, OSError) and error.errno == errno.ENOSPC or "No space left on device" in text:
        return f"Disque plein : {text}"
    if isinstance(error, PermissionError):
        return f"Droits insuffisants : {text}"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"Fichier introuvable : {error.filename}"
    if type(error).__name__ in {"OperationalError", "InterfaceError"}:
        return f"La base de données ne répond pas : {text}"
    return f"Erreur inattendue, {type(error).__name__} : {text} (--traceback pour le détail)"


def _say(line: str) -> int:
    print(f"cercle : {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
