"""HL7 v2 text: bytes to segments, fields, repetitions, components. Never fails on what a peer sends; absence is "".

Numbers are those of the standard: `pid.text(32)` is PID-32, `pid.text(5, 2)` its second component in the first repetition.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

NULL = '""'  # « delete the value », where an empty field says nothing

# MSH-18 (table 0211), without spaces and dashes.
CHARSETS = {
    "UNICODEUTF8": "utf-8", "UTF8": "utf-8", "UNICODE": "utf-8", "ASCII": "utf-8",
    "8859/15": "iso-8859-15", "885915": "iso-8859-15", "ISO885915": "iso-8859-15", "8859/1": "cp1252", "88591": "cp1252",
    "ISO88591": "cp1252", "": "",
}  # fmt: skip
_ESCAPE = re.compile(r"\\([^\\]{0,80})\\")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # PostgreSQL takes no NUL, a screen none of the others


@dataclass(frozen=True, slots=True)
class Separators:
    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    sub: str = "&"


@dataclass(frozen=True, slots=True)
class Part:
    """One repetition of a field."""

    raw: str
    by: Separators

    def __bool__(self) -> bool:
        return bool(self.raw)

    @property
    def is_null(self) -> bool:
        return self.raw == NULL

    def text(self, component: int = 1, sub: int = 1) -> str:
        parts = self.raw.split(self.by.component)
        if component > len(parts):
            return ""
        subs = parts[component - 1].split(self.by.sub)
        return unescape(subs[sub - 1], self.by) if sub <= len(subs) else ""

    def subs(self, component: int) -> list[str]:
        parts = self.raw.split(self.by.component)
        if component > len(parts):
            return []
        return [unescape(s, self.by) for s in parts[component - 1].split(self.by.sub)]

    def components(self) -> list[str]:
        return [unescape(c, self.by) for c in self.raw.split(self.by.component)]


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    fields: tuple[str, ...]  # fields[n] is field n; fields[0] is the name
    by: Separators

    def raw(self, n: int) -> str:
        return self.fields[n] if n < len(self.fields) else ""

    def parts(self, n: int) -> list[Part]:
        """The repetitions of field n that hold something."""
        raw = self.raw(n)
        return [Part(r, self.by) for r in raw.split(self.by.repetition) if r] if raw else []

    def text(self, n: int, component: int = 1, sub: int = 1) -> str:
        parts = self.parts(n)
        found = parts[0].text(component, sub) if parts else ""
        return "" if found == NULL else found

    def is_null(self, n: int) -> bool:
        return self.raw(n).strip() == NULL

    def __bool__(self) -> bool:
        return any(f for f in self.fields[1:])


NOTHING = Segment("", (), Separators())


@dataclass(slots=True)
class Parsed:
    segments: list[Segment] = field(default_factory=list)
    charset: str = "utf-8"  # to answer in
    charset_name: str = "UNICODE UTF-8"
    warnings: list[str] = field(default_factory=list)  # codes: see receive.WORDS

    def all(self, name: str) -> Iterator[Segment]:
        return (s for s in self.segments if s.name == name)

    def first(self, name: str) -> Segment:
        """Empty when the message has none: every field of it reads as absent."""
        return next(self.all(name), NOTHING)

    @property
    def msh(self) -> Segment:
        return self.first("MSH")


def parse(raw: bytes) -> Parsed | None:
    """None when these bytes do not begin as an HL7 v2 message."""
    raw = raw.lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    head = re.split(rb"[\r\n]", raw, maxsplit=1)[0]
    if not head.startswith(b"MSH") or len(head) < 8:
        return None
    message = Parsed()
    body = _decode(raw, head, message)
    if len(body) < 8 or not body.startswith("MSH") or body[3].isalnum() or body[3].isspace():
        return None
    # MSH-2 may be shorter (no sub-component in use) or hold the truncation character of v2.7.
    encoding = body[4:12].split(body[3])[0]
    by = Separators(body[3], *(encoding[i] if i < len(encoding) else d for i, d in enumerate("^~\\&")))
    if len({by.field, by.component, by.repetition, by.sub}) < 4:
        return None
    for line in re.split(r"\r\n|\r|\n", body):
        line = line.strip("\x00 ") if line[:3] != "MSH" else line
        if not line:
            continue
        if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", line[:3], re.ASCII) or line[3:4] not in ("", by.field):
            if "line" not in message.warnings:
                message.warnings.append("line")
            continue
        fields = line.split(by.field)
        if line[:3] == "MSH":
            fields = ["MSH", by.field, encoding, *fields[2:]]
        message.segments.append(Segment(line[:3], tuple(fields), by))
    return message if message.segments and message.segments[0].name == "MSH" else None


def _decode(raw: bytes, head: bytes, message: Parsed) -> str:
    """As MSH-18 says, unless the bytes say otherwise: accents of a name are worth more than a header."""
    fields = head.split(head[3:4])
    said = fields[17].split(b"~")[0].decode("ascii", "replace").strip() if len(fields) > 17 else ""
    charset = CHARSETS.get(said.upper().replace(" ", "").replace("-", ""))
    if charset is None:
        message.warnings.append("charset_unknown")
        charset = ""
    try:
        text, found = raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        found = charset if charset not in ("", "utf-8") else "iso-8859-15"
        text = raw.decode(found, "replace")
    if not raw.isascii() and charset and charset != found:
        message.warnings.append("charset_differs")
    message.charset = charset or found
    message.charset_name = said if charset else ("UNICODE UTF-8" if found == "utf-8" else "8859/15")
    return _CONTROL.sub("", text)


def unescape(text: str, by: Separators) -> str:
    if by.escape not in text:
        return text.strip()
    known = {
        "F": by.field, "S": by.component, "R": by.repetition, "T": by.sub, "E": by.escape,
        ".br": "\n", ".sp": "\n", ".in": "", ".ti": "", "H": "", "N": "",
    }  # fmt: skip

    def put(found: re.Match) -> str:
        code = found[1]
        if code in known:
            return known[code]
        if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", code):
            return _CONTROL.sub("", bytes.fromhex(code[1:]).decode("utf-8", "replace"))
        return ""

    pattern = (
        _ESCAPE
        if by.escape == "\\"
        else re.compile(f"{re.escape(by.escape)}([^{re.escape(by.escape)}]{{0,80}}){re.escape(by.escape)}")
    )
    return pattern.sub(put, text).strip()


def escape(text: str, by: Separators | None = None) -> str:
    by = by or Separators()
    text = text.replace(by.escape, f"{by.escape}E{by.escape}")
    for char, code in ((by.field, "F"), (by.component, "S"), (by.repetition, "R"), (by.sub, "T")):
        text = text.replace(char, f"{by.escape}{code}{by.escape}")
    return re.sub(r"\s+", " ", text)
