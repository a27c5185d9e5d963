"""The four identity statuses and the only moves between them (RNIV, EXI SI 07: mutually exclusive).

Two things make a status: the traits come from INSi with a matricule, the traits were checked on an identity document.
A move gains or loses one of them; a marker loses both at once. The table is what the code, the screens and the property
test read; `docs/identity.md` shows it.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from cercle.people.patients.models import Identity

PROV, RECUP, VALI, QUAL = Identity.Status.PROV, Identity.Status.RECUP, Identity.Status.VALI, Identity.Status.QUAL


class Needs(StrEnum):
    INSI = "insi"  # an answer « 00 » of INSi, or a feed that says its identity is qualified
    DOCUMENT = "document"  # an identity document looked at by the person who decides
    REASON = "reason"  # why trust is taken back


@dataclass(frozen=True, slots=True)
class Move:
    start: str
    end: str
    needs: Needs
    label: str


MOVES = (
    Move(PROV, RECUP, Needs.INSI, _("Récupérer l’INS")),
    Move(PROV, VALI, Needs.DOCUMENT, _("Valider sur pièce d’identité")),
    Move(RECUP, QUAL, Needs.DOCUMENT, _("Qualifier sur pièce d’identité")),
    Move(VALI, QUAL, Needs.INSI, _("Qualifier avec l’INS")),
    Move(RECUP, PROV, Needs.REASON, _("Retirer l’INS")),
    Move(VALI, PROV, Needs.REASON, _("Retirer la validation")),
    Move(QUAL, VALI, Needs.REASON, _("Retirer l’INS")),
    Move(QUAL, RECUP, Needs.REASON, _("Retirer la validation")),
    Move(QUAL, PROV, Needs.REASON, _("Retirer l’INS et la validation")),
)
_BY_ENDS = {(m.start, m.end): m for m in MOVES}

WITH_INS = frozenset({RECUP, QUAL})
CHECKED = frozenset({VALI, QUAL})

# Highest status that each marker leaves. Doubtful and fictive: RNIV, EXI SI 09, provisional only.
# Homonym: no validation until the two persons are told apart and the marker is taken off.
CEILING = {"doubtful": frozenset({PROV}), "fictive": frozenset({PROV}), "homonym": frozenset({PROV, RECUP})}

# FR Core `fr-core-vs-mode-validation-identity-ins` (required binding): what may qualify. The others only validate.
QUALIFYING_DOCUMENTS = frozenset({"PA", "CN", "AN", "LE"})


class Origin(StrEnum):
    """Where a change of strict traits comes from, weakest first."""

    FEED = "feed"
    MANUAL = "manual"
    DOCUMENT = "document"
    INSI = "insi"


_RANK = {Origin.FEED: 0, Origin.MANUAL: 0, Origin.DOCUMENT: 1, Origin.INSI: 2}
_RANK_NEEDED = {PROV: 0, VALI: 1, RECUP: 2, QUAL: 2}


def move(start: str, end: str) -> Move | None:
    return _BY_ENDS.get((start, end))


def moves_from(start: str) -> list[Move]:
    return [m for m in MOVES if m.start == start]


def allowed_with(markers) -> frozenset[str]:
    allowed = frozenset({PROV, RECUP, VALI, QUAL})
    for marker in markers:
        allowed &= CEILING[marker]
    return allowed


def may_rewrite(origin: Origin, status: str) -> bool:
    """May this source change strict traits and leave the status as it is?"""
    return _RANK[origin] >= _RANK_NEEDED[status]


def after_rewrite(origin: Origin, status: str) -> str:
    """The status that is left when a weaker source changes strict traits all the same."""
    if may_rewrite(origin, status):
        return status
    # A document corrects a qualified identity: the check stands, the INS of the former traits does not.
    return VALI if origin == Origin.DOCUMENT and status == QUAL else PROV
