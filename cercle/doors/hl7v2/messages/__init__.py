"""One function per event; `EVENTS` is what this door understands, and what the conformance page reads."""

from collections.abc import Callable
from dataclasses import dataclass

from ..reading import Reading
from . import identity, movements


@dataclass(frozen=True, slots=True)
class Event:
    apply: Callable[[Reading], None]
    structure: str
    needs: tuple[str, ...] = ("PID",)
    international: bool = False


def _moves(structure: str) -> Event:
    return Event(movements.move, structure, ("PID", "PV1", "ZBE"))


EVENTS: dict[str, Event] = {
    "ADT^A28": Event(identity.create, "ADT_A05"),
    "ADT^A31": Event(identity.update, "ADT_A05"),
    "ADT^A40": Event(identity.merge, "ADT_A39", ("PID", "MRG")),
    "ADT^A47": Event(identity.change_identifier, "ADT_A30", ("PID", "MRG")),
    # ITI-30 and ITI-31 as the rest of the world writes them, for the senders that are set so.
    "ADT^A08": Event(identity.update, "ADT_A01", international=True),
    "ADT^A24": Event(identity.link, "ADT_A24", international=True),
    "ADT^A37": Event(identity.unlink, "ADT_A37", international=True),
} | {
    f"ADT^{event}": _moves(structure)
    for event, structure in (
        ("A01", "ADT_A01"), ("A02", "ADT_A02"), ("A03", "ADT_A03"), ("A04", "ADT_A01"), ("A05", "ADT_A05"), ("A06", "ADT_A06"),
        ("A07", "ADT_A06"), ("A11", "ADT_A09"), ("A12", "ADT_A12"), ("A13", "ADT_A01"), ("A14", "ADT_A05"), ("A15", "ADT_A15"),
        ("A16", "ADT_A16"), ("A21", "ADT_A21"), ("A22", "ADT_A21"), ("A25", "ADT_A21"), ("A26", "ADT_A21"), ("A27", "ADT_A21"),
        ("A38", "ADT_A38"), ("A52", "ADT_A52"), ("A53", "ADT_A52"), ("A54", "ADT_A54"), ("A55", "ADT_A52"), ("Z99", "ADT_A01"),
    )
}  # fmt: skip
TYPES = {"ADT"}
