"""ROL: the médecin traitant (ODRP: « officially declared responsible practitioner »)."""

from dataclasses import dataclass

from ..parse import Parsed
from .shapes import person, telecoms


@dataclass(frozen=True, slots=True)
class Doctor:
    name: str
    place: str
    phone: str


def treating_doctor(message: Parsed) -> Doctor | None:
    for s in message.all("ROL"):
        if s.text(3).upper() == "ODRP" and s.parts(4):
            place = ", ".join(w for w in (s.text(11, 2), s.text(11, 3)) if w)
            return Doctor(person(s.parts(4)[0]), place, telecoms(s.parts(12)).phone)
    return None
