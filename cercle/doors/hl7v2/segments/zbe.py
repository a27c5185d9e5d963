"""ZBE, the French movement: its number, when, what to do with it, which care units answer for the person."""

from dataclasses import dataclass

from ..parse import Parsed
from .shapes import Moment, entity, moment

INSERT, UPDATE, CANCEL = "INSERT", "UPDATE", "CANCEL"


@dataclass(frozen=True, slots=True)
class Zbe:
    refs: tuple[str, ...]
    at: Moment | None
    action: str
    is_historic: bool
    original: str  # ZBE-6: the event that a Z99, an UPDATE or a CANCEL speaks of
    ward: str
    unit: str
    nature: str


def read(message: Parsed) -> Zbe:
    s = message.first("ZBE")
    return Zbe(
        refs=tuple(r for r in (entity(p) for p in s.parts(1)) if r), at=moment(s.text(2)), action=s.text(4).upper(),
        is_historic=s.text(5).upper() in ("Y", "O"), original=s.text(6).upper()[:3],
        ward=s.text(8) or s.text(7), unit=s.text(8, 10) or s.text(7, 10), nature=s.text(9).upper()[:3],
    )  # fmt: skip
