"""ZFD: how the identity was obtained, on which document, and consent to SMS."""

from dataclasses import dataclass

from cercle.people.patients.models import Identity

from ..parse import Parsed


@dataclass(frozen=True, slots=True)
class Zfd:
    values: dict[str, str]
    method: str
    document: str  # a code of Identity.Document, or ""


def read(message: Parsed) -> Zfd:
    s = message.first("ZFD")
    names = {
        1: "lunar", 2: "gestation_week", 3: "sms", 4: "birth_corrected", 5: "method", 6: "insi_on", 7: "document", 8: "document_until",
    }  # fmt: skip
    values = {name: s.text(n)[:60] for n, name in names.items() if s.text(n)}
    document = s.text(7).upper()
    return Zfd(values, s.text(5).upper(), document if document in Identity.Document.values else "")
