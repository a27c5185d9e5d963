"""NK1: relatives and persons to call. The link of table 0063 becomes the national value set when both say the same."""

from dataclasses import dataclass

from cercle.people.patients.relationships import Relationship

from ..parse import Parsed
from .shapes import telecoms

LINKS = {
    "SPO": Relationship.SIGOTHR, "DOM": Relationship.DOMPART, "CHD": Relationship.CHILD, "MTH": Relationship.MTH,
    "FTH": Relationship.FTH, "BRO": Relationship.BRO, "SIS": Relationship.SIS, "FND": Relationship.FRND, "EXF": Relationship.FAMMEMB,
    "GRP": Relationship.FAMMEMB, "GCH": Relationship.FAMMEMB, "NCH": Relationship.CHILD, "SCH": Relationship.CHILD,
    "SIB": Relationship.FAMMEMB, "CUR": Relationship.CURATEUR, "TUT": Relationship.TUTEUR,
}  # fmt: skip
NOT_TO_CALL = "P"  # « Personne à ne pas prévenir »: never becomes someone to call


@dataclass(frozen=True, slots=True)
class Relative:
    family: str
    given: str
    values: dict


def read(message: Parsed) -> list[Relative]:
    found = []
    for s in message.all("NK1"):
        role = s.text(7).upper()
        if role == NOT_TO_CALL or not s.text(2):
            continue
        told = telecoms(s.parts(5) + s.parts(6))
        link = LINKS.get(s.text(3).upper(), s.text(3).upper() if s.text(3).upper() in Relationship.values else "")
        address = ", ".join(w for w in (s.text(4), s.text(4, 2), f"{s.text(4, 5)} {s.text(4, 3)}".strip()) if w)
        values = {
            "relationship": str(link), "phone": told.phone or told.mobile, "phone_other": told.mobile if told.phone else "",
            "email": told.email, "address": address, "is_trusted": role == "K", "is_emergency": role == "C",
            "is_legal_rep": role == "R",
        }  # fmt: skip
        found.append(Relative(s.text(2), s.text(2, 2), values))
    return found
