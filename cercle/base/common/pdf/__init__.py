"""Accessible PDFs (PDF/A-2a and PDF/UA-1 together) from a Typst template and plain data.

    pdf.render("notebook.typ", {"title": "…", "patient": {…}, …}) -> bytes
    pdf.pages("notebook.typ", {…}) -> [PNG of each page]        # the same pages, for a preview on screen

* What people typed travels as JSON and is shown as text: it is never Typst source, so it cannot run anything.
* A `bytes` value anywhere in the data is a picture (PNG, JPEG, WebP, GIF): the template receives its path.
* `data["title"]` is mandatory: PDF/UA refuses a document without one.
* Characters that the fonts lack (emoji…) become □, seen rather than silently lost; control and direction characters go.

Templates live in this folder, or in any app when named by their full path. Each documents its data at its head.
"""

import json
import logging
import re
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

HERE = Path(__file__).parent
STANDARDS = ["a-2a", "ua-1"]
_ENDLESS = re.compile(r"\S{40}(?=\S)")
_MAGIC = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp"}
_PLACEHOLDER = "□"
log = logging.getLogger(__name__)


@lru_cache(1)
def _fonts() -> typst.Fonts:
    # The machine's own fonts would make the same document differ from one server to the next.
    return typst.Fonts(include_system_fonts=False, font_paths=[str(HERE / "fonts")])


@lru_cache(1)
def _printable() -> tuple[frozenset[str], frozenset[str]]:
    """Characters of the main face, and of all the faces."""
    lines = [line for line in (HERE / "printable.txt").read_text().splitlines() if line and not line.startswith("#")]
    sets = []
    for line in lines:
        found: set[str] = set()
        for part in line.split():
            first, _dash, last = part.partition("-")
            found.update(map(chr, range(int(first, 16), int(last or first, 16) + 1)))
        sets.append(frozenset(found))
    return sets[0] | {"\n", "\u200b", _PLACEHOLDER}, sets[1] | sets[0] | {"\n", "\u200b"}


def clean(text: str, allowed: frozenset[str] | None = None) -> str:
    """Text that can be drawn: line breaks kept, other control and direction characters dropped, unknown ones as □."""
    allowed = allowed or _printable()[1]
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))
    # What the face lacks but has an exact everyday twin.
    text = text.translate({0x202F: "\u00a0", 0x2011: "-", 0x2010: "-", 0x2028: "\n", 0x2029: "\n", 0x2007: "\u00a0"})
    out = []
    for c in text:
        if c in allowed:
            out.append(c)
        elif unicodedata.category(c) in ("Cc", "Cf", "Cs", "Mn", "Me", "Mc"):
            continue  # also the joiners and variation marks that emoji are made of
        elif not out or out[-1] != _PLACEHOLDER:
            out.append(_PLACEHOLDER)
    # A word without end would run off the page: let it break.
    return _ENDLESS.sub(lambda m: m[0] + "\u200b", "".join(out))


def _prepare(value: Any, folder: Path, allowed: frozenset[str], pictures: dict[int, str]) -> Any:
    if isinstance(value, str):
        return clean(value, allowed)
    if isinstance(value, bytes):
        kind = next((ext for magic, ext in _MAGIC.items() if value.startswith(magic)), None)
        if kind is None:
            return None
        if id(value) not in pictures:
            name = f"picture-{len(pictures)}.{kind}"
            (folder / name).write_bytes(value)
            pictures[id(value)] = f"/{name}"
        return pictures[id(value)]
    if isinstance(value, dict):
        return {str(k): _prepare(v, folder, allowed, pictures) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_prepare(v, folder, allowed, pictures) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(str(value), allowed)  # lazy translations, dates


def render(template: str | Path, data: dict[str, Any]) -> bytes:
    """Compiles the template with the data. Raises `ValueError` without a title, `Refused` when it cannot be drawn."""
    return _compile(template, data, format="pdf", pdf_standards=STANDARDS)


def pages(template: str | Path, data: dict[str, Any], ppi: int = 110) -> list[bytes]:
    """Each page as a PNG. Raises as `render`."""
    found = _compile(template, data, format="png", ppi=ppi)
    return found if isinstance(found, list) else [found]


def _compile(template: str | Path, data: dict[str, Any], **options) -> Any:
    if not str(data.get("title") or "").strip():
        raise ValueError("a document needs a title")
    source = Path(template) if Path(template).is_absolute() else HERE / template
    with tempfile.TemporaryDirectory(prefix="cercle-pdf-") as name:
        # The compiler sees this folder only: a template cannot read the server's files.
        folder = Path(name)
        (folder / "lib.typ").write_bytes((HERE / "lib.typ").read_bytes())
        main = folder / "main.typ"
        main.write_bytes(source.read_bytes())
        narrow, wide = _printable()
        for allowed in (wide, narrow):
            ready = _prepare(data, folder, allowed, {})
            try:
                return typst.compile(
                    str(main),
                    root=str(folder),
                    font_paths=_fonts(),
                    ignore_system_fonts=True,
                    sys_inputs={"data": json.dumps(ready, ensure_ascii=True)},
                    **options,
                )
            except typst.TypstError as e:
                problem = e.__class__.__name__
                detail = str(e) if "sys.inputs" in str(e) or "lib.typ" in str(e) else ""
            except BaseException as e:
                # The text shaper can panic on rare mixtures of scripts: no Exception, and it must not stop the server.
                if type(e).__name__ != "PanicException":
                    raise
                problem, detail = "PanicException", ""
            # Never the message as it is: it quotes what people wrote.
            log.warning("pdf %s: %s %s", source.name, problem, detail)
        raise Refused(
            _("Ce document n’a pas pu être mis en page. Choisissez une période plus courte, ou prévenez le support."),
            "pdf",
        )
