"""Compile the gettext catalogues that are newer than their .mo (GNU gettext is not needed).

python scripts/catalogues.py            compile
python scripts/catalogues.py --check    compile nothing, exit 1 on a catalogue that cannot be, or a fuzzy line
"""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
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
