"""PID: who it is about. Names under L (birth) and D (in use), birth place under BDL, trust in PID-32."""

from dataclasses import dataclass, field

from ..parse import Part, Segment
from .shapes import Identifier, identifier, moment, telecoms

# PID-32 (table 0445). The others speak of files, not of trust.
DOUBTS = {"DOUT": "doubtful", "FICT": "fictive", "HOMA": "homonym", "ANOM": "fictive", "CACH": "fictive"}
FRANCE = {"", "FRA", "FR", "FRANCE", "99100", "250", "XXXXX"}


@dataclass(slots=True)
class Pid:
    identifiers: list[Identifier]
    birth_family: str = ""
    birth_given: str = ""
    birth_givens: str = ""
    used_family: str = ""
    used_given: str = ""
    named: bool = True  # False: no name under « L », another stood for it
    birth_date: str = ""
    sex: str = ""
    birth_place_code: str = ""
    birth_place_label: str = ""
    address: dict[str, str] = field(default_factory=dict)  # what is said; absent keys are left as they are
    account: Identifier | None = None
    died_on: str = ""
    is_dead: bool | None = None
    reliability: list[str] = field(default_factory=list)
    says_used_name: bool = False

    @property
    def is_validated(self) -> bool:
        return "VALI" in self.reliability and not self.doubts

    @property
    def doubts(self) -> list[str]:
        return sorted({DOUBTS[r] for r in self.reliability if r in DOUBTS})

    @property
    def matricules(self) -> list[Identifier]:
        return [i for i in self.identifiers if i.meaning == "INS"]

    @property
    def own(self) -> list[Identifier]:
        """Numbers of the sender: what it will name the person by next time."""
        return [i for i in self.identifiers if not i.meaning and i.value]


def read(pid: Segment) -> Pid:
    found = Pid(identifiers=[identifier(p) for p in pid.parts(3) if not p.is_null])
    _names(pid, found)
    found.birth_date = pid.text(7)[:8]
    found.sex = pid.text(8).upper()
    _places(pid, found)
    _telecoms(pid, found)
    accounts = pid.parts(18)
    found.account = identifier(accounts[0]) if accounts and accounts[0].text(1) else None
    if died := moment(pid.text(29)):
        found.died_on = died.at.date().isoformat()
    found.is_dead = {"Y": True, "O": True, "N": False}.get(pid.text(30).upper(), True if found.died_on else None)
    found.reliability = [p.text(1).upper() for p in pid.parts(32) if not p.is_null]
    return found


def _names(pid: Segment, found: Pid) -> None:
    by_type: dict[str, Part] = {}
    for part in pid.parts(5):
        by_type.setdefault(part.text(7).upper(), part)
    birth = by_type.get("L")
    if birth is None:
        found.named = False
        birth = by_type.get("") or by_type.get("U") or next(iter(by_type.values()), None)
    if birth is not None:
        found.birth_family, found.birth_given, found.birth_givens = birth.text(1), birth.text(2), birth.text(3)
    if used := by_type.get("D"):
        found.says_used_name = True
        found.used_family, found.used_given = used.text(1), used.text(2)


def _places(pid: Segment, found: Pid) -> None:
    best, rank = None, 99
    for part in pid.parts(11):
        kind = part.text(7).upper()
        if kind in ("BDL", "N", "BR"):
            found.birth_place_code, found.birth_place_label = part.text(9).upper()[:5], part.text(3)
        elif kind in (order := ["H", "", "L", "P", "C", "M"]) and order.index(kind) < rank:
            best, rank = part, order.index(kind)
    if pid.is_null(11):
        found.address = dict.fromkeys(("address", "address_extra", "postal_code", "commune_label", "country_code"), "")
        found.address["commune_code"] = ""
    elif best is not None:
        country = best.text(6).upper()
        found.address = {
            "address": best.text(1), "address_extra": best.text(2), "postal_code": best.text(5), "commune_label": best.text(3),
            "commune_code": best.text(9)[:5] if best.text(9)[:5].isalnum() else "",
            "country_code": country if country not in FRANCE and country.startswith("99") else "",
        }  # fmt: skip


def _telecoms(pid: Segment, found: Pid) -> None:
    said = pid.parts(13) + pid.parts(14)
    if pid.is_null(13):
        # The numbers go; an e-mail address is no number of the home.
        found.address |= {"phone": "", "phone_other": ""}
        return
    told = telecoms(said)
    for name, value in (("phone", told.phone), ("phone_other", told.mobile), ("email", told.email)):
        if value:
            found.address[name] = value
