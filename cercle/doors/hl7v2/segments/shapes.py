"""Data types that several segments share: TS, CX, EI, XCN, XTN."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from django.utils import timezone as clock

from cercle.people.patients import ins

from ..parse import Part

_TS = re.compile(r"(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})?(\d{2})?(?:\.\d{1,4})?)?([+-]\d{4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    has_time: bool


def moment(text: str) -> Moment | None:
    """TS to an instant; without an offset, in the time of the deployment. None when it cannot be read."""
    found = _TS.fullmatch(text.strip())
    if not found or not found[2] or not found[3]:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 – made aware below
        if found[7]:
            offset = timedelta(hours=int(found[7][1:3]), minutes=int(found[7][3:5]))
            at = at.replace(tzinfo=timezone(-offset if found[7][0] == "-" else offset))
        else:
            at = clock.make_aware(at)
        # What an offset moves out of the calendar, the database does not take.
        return Moment(at, found[4] is not None) if 1850 < at.astimezone(UTC).year < 9000 else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Identifier:
    """CX. `system`: the OID of its authority, else what names it in this sender's world."""

    value: str
    system: str
    type: str  # CX-5: PI, INS, NH, AN, VN…

    @property
    def meaning(self) -> str:
        """INS, NSS, INSC, or "": a number of the sender."""
        found = ins.meaning(self.system, self.type)
        return "INS" if not found and self.type in ("INS", "INS-NIR", "INS-NIA") else found

    @property
    def key(self) -> str:
        return f"{self.system}|{self.value}"


def identifier(part: Part) -> Identifier:
    return Identifier(part.text(1), authority(part.subs(4)), part.text(5).upper())


def authority(subs: list[str]) -> str:
    """HD: `CHU-TEST&1.2.250.1.213.99.1&ISO` is its OID; `CHU-X&000897406&N` stays whole."""
    namespace, universal, kind = [*subs, "", "", ""][:3]
    if universal and (kind in ("ISO", "") or re.fullmatch(r"\d+(\.\d+)+", universal)):
        return universal.removeprefix("urn:oid:")[:200]
    return "&".join(s for s in (namespace, universal, kind) if s)[:200]


def entity(part: Part) -> str:
    """EI as one key: `MVT-001^CHU-TEST^1.2.250.1.213.99.4^ISO` is « MVT-001|1.2.250.1.213.99.4 »."""
    value, namespace, universal = part.text(1), part.text(2), part.text(3)
    return f"{value}|{universal or namespace}"[:250] if value else ""


def person(part: Part) -> str:
    """XCN or XPN as a name: « Pierre REAULT »."""
    return " ".join(
        w for w in (part.text(3).title() if part.text(3).isupper() else part.text(3), part.text(2).upper()) if w
    )


@dataclass(frozen=True, slots=True)
class Telecoms:
    phone: str = ""
    mobile: str = ""
    email: str = ""


def telecoms(parts: list[Part]) -> Telecoms:
    """XTN: `^PRN^PH^^^^^^^^^0546442221`, `^PRN^CP^…`, `^NET^Internet^a@b.fr`; older senders put the number first."""
    found: dict[str, str] = {}
    for part in parts:
        if part.is_null:
            continue
        use, kind, mail = part.text(2), part.text(3), part.text(4)
        number = part.text(12) or part.text(1) or (part.text(6) + part.text(7))
        if mail or use == "NET" or "@" in number:
            found.setdefault("email", mail or number)
        elif number:
            found.setdefault("mobile" if kind == "CP" or use == "PRS" else "phone", number)
    return Telecoms(**found)
