"""MRG: the number that leaves (A40: dies, A47: is replaced)."""

from ..parse import Parsed
from .shapes import Identifier, identifier


def former(message: Parsed) -> list[Identifier]:
    return [i for i in (identifier(p) for p in message.first("MRG").parts(1) if not p.is_null) if i.value]
