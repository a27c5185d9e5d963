"""The answer: ACK = MSH MSA {ERR}, in the sender's character set, with the codes of table 0357 and words in French."""

import re
from dataclasses import dataclass, field

from django.utils import timezone

from cercle.base.common.ids import uuid7

from .parse import Parsed, escape

AA, AE, AR = "AA", "AE", "AR"
TABLE_0357 = {
    0: "Message accepted", 100: "Segment sequence error", 101: "Required field missing", 102: "Data type error",
    103: "Table value not found", 198: "Non-Conformant Cardinality", 199: "Other HL7 Error", 200: "Unsupported message type",
    201: "Unsupported event code", 202: "Unsupported processing id", 203: "Unsupported version id",
    204: "Unknown key identifier", 205: "Duplicate key identifier", 207: "Application internal error",
}  # fmt: skip
WARNINGS_SAID = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One ERR segment. `where`: « PID^1^32 ». `words`: for the people of the other side, no personal data."""

    code: int
    words: str = ""
    where: str = ""
    severity: str = "E"


class Rejection(Exception):
    """The message is not applied. `answer`: AE when another content may pass, AR when this kind of message cannot."""

    def __init__(self, code: int, words: str, where: str = "", answer: str = AE):
        super().__init__(words)
        self.problem = Problem(code, words, where)
        self.answer = answer


@dataclass(slots=True)
class Answer:
    code: str = AA
    problems: list[Problem] = field(default_factory=list)


def build(message: Parsed | None, answer: Answer) -> bytes:
    """The bytes between the MLLP marks."""
    text = (lambda n, c=1: message.msh.text(n, c)) if message else (lambda n, c=1: "")
    control = text(10)
    version = "^".join(c for c in (text(12, 1) or "2.5", text(12, 2), text(12, 3)) if c) if message else "2.5^FRA^2.11"
    if not version.startswith("2.5"):
        version = "2.5^FRA^2.11"
    header = [
        "MSH", "^~\\&", *(_said(text(n)) for n in (5, 6, 3, 4)), timezone.localtime().strftime("%Y%m%d%H%M%S"), "",
        f"ACK^{_said(text(9, 2))}^ACK" if text(9, 2) else "ACK", _said(f"ACK{control}"[:20]) if control else uuid7().hex[-20:],
        text(11) if text(11) in ("D", "T", "P") else "P", version, "", "", "", "", "FRA",
        escape(message.charset_name) if message else "UNICODE UTF-8", "FR", "", "2.11^IHE_FRANCE-2.11-PAM",
    ]  # fmt: skip
    header[2] = header[2] or "CERCLE"
    lines = ["|".join(header), f"MSA|{answer.code}|{_said(control)}"]
    serious = [p for p in answer.problems if p.severity == "E"]
    warned = [p for p in answer.problems if p.severity != "E"][:WARNINGS_SAID]
    for p in serious + warned:
        coded = f"{p.code}^{TABLE_0357.get(p.code, TABLE_0357[207])}^HL70357"
        lines.append(f"ERR||{p.where}|{coded}|{p.severity}||||{escape(p.words)}".rstrip("|"))
    return ("\r".join(lines) + "\r").encode(message.charset if message else "utf-8", "replace")


def _said(text: str) -> str:
    return escape(re.sub(r"[\r\n]", " ", text))[:200]
