"""MSH: who sends what, in which version."""

from dataclasses import dataclass

from ..parse import Parsed


@dataclass(frozen=True, slots=True)
class Msh:
    application: str
    facility: str
    sent_at: str
    type: str
    event: str
    structure: str
    control_id: str
    processing: str
    version: str
    country: str
    french: tuple[int, int] | None  # (2, 11); None: not a French version


def read(message: Parsed) -> Msh:
    s = message.msh
    french = None
    if s.text(12, 2) == "FRA":
        numbers = [int(n) for n in s.text(12, 3).split(".") if n.isascii() and n.isdigit() and len(n) < 4]
        french = (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else (2, 0)
    return Msh(
        application=s.text(3), facility=s.text(4), sent_at=s.text(7), type=s.text(9, 1).upper(), event=s.text(9, 2).upper(),
        structure=s.text(9, 3).upper(), control_id=s.text(10), processing=s.text(11).upper(), version=s.text(12, 1),
        country=s.text(12, 2), french=french,
    )  # fmt: skip
