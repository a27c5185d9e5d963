"""Compile the gettext catalogues that are newer than their .mo (GNU gettext is not needed).

python scripts/catalogues.py            compile
python scripts/catalogues.py --check    compile nothing, exit 1 on a catalogue that cannot be, or a fuzzy line
python scripts/catalogues.py --find     after makemessages: add what it does not see (f-strings, Jinja2), print what has no English
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po

ROOT = Path(__file__).resolve().parent.parent


PLAIN, PLURAL = {"_", "gettext", "gettext_lazy"}, {"ngettext", "ngettext_lazy"}


def said(root: Path) -> Iterator[str | tuple[str, str]]:
    """Every msgid of the code and of Jinja2 templates; those of Django's templates are makemessages' own."""
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if name in PLAIN and words:
                yield words[0]
            elif name in PLURAL and len(words) == 2:
                yield words[0], words[1]
    for file in sorted(root.glob("**/jinja2/**/*.html")):
        with file.open("rb") as source:
            for _line, words, _comments, _context in extract("jinja2.ext:babel_extract", source):
                yield words if isinstance(words, str) else (words[0], words[1])


def find(po: Path) -> int:
    """Puts back what makemessages took for gone, keeps its English, and prints what waits for some."""
    with po.open("rb") as source:
        catalogue: Catalog = read_po(source, locale=po.parts[-3])
    for words in said(ROOT / "cercle"):
        first = words if isinstance(words, str) else words[0]
        if not first or first in catalogue:
            continue
        kept = catalogue.obsolete.get(first)
        catalogue[first] = Message(words, kept.string if kept else "", flags=kept.flags if kept else ())
    waiting = 0
    for message in catalogue:
        if message.fuzzy and message.id:  # makemessages guessed: a guess is not a translation
            message.flags.discard("fuzzy")
            message.string = "" if isinstance(message.id, str) else ("", "")
        message.previous_id = []
        if message.id and not (message.string if isinstance(message.string, str) else all(message.string)):
            print(repr(message.id))
            waiting += 1
    with po.open("wb") as target:
        write_po(target, catalogue, width=120, no_location=True, ignore_obsolete=True)
    print(f"{waiting} à traduire", file=sys.stderr)
    return 0


def main() -> int:
    if "--find" in sys.argv[1:]:
        return max(find(po) for po in ROOT.glob("cercle/locale/*/LC_MESSAGES/*.po"))
    check = "--check" in sys.argv[1:]
    wrong = 0
    for po in sorted(ROOT.glob("c*/**/locale/*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        if not check and mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        try:
            with po.open("rb") as source:
                catalogue = read_po(source, locale=po.parts[-3], abort_invalid=True)
        except PoFileError as error:
            print(f"{po.relative_to(ROOT)}: {error}", file=sys.stderr)
            wrong += 1
            continue
        faults = [(message.lineno, fault) for message, faults in catalogue.check() for fault in faults]
        faults += [(m.lineno, "fuzzy") for m in catalogue if m.fuzzy and m.id]
        for line, fault in faults:
            print(f"{po.relative_to(ROOT)}:{line}: {fault}", file=sys.stderr)
        wrong += len(faults)
        if not check:
            draft = mo.with_suffix(".new")
            with draft.open("wb") as target:
                write_mo(target, catalogue)
            draft.replace(mo)
    return 1 if wrong and check else 0


if __name__ == "__main__":
    sys.exit(main())
