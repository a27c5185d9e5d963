"""PV1: the visit, its class, where the person is."""

from dataclasses import dataclass

from ..parse import Parsed
from .shapes import Moment, authority, moment, person

EMERGENCY = {"U", "E"}


@dataclass(frozen=True, slots=True)
class Pv1:
    patient_class: str
    ward: str
    room: str
    number: str  # PV1-19 with its authority
    doctor: str
    admission_type: str
    disposition: str  # PV1-36
    admitted: Moment | None
    discharged: Moment | None


def read(message: Parsed) -> Pv1:
    s = message.first("PV1")
    numbers = s.parts(19)
    value = numbers[0].text(1) if numbers else ""
    return Pv1(
        patient_class=s.text(2).upper()[:2], ward=s.text(3, 1), room=s.text(3, 2),
        number=f"{value}|{authority(numbers[0].subs(4))}"[:200] if value else "",
        doctor=person(s.parts(7)[0]) if s.parts(7) else "", admission_type=s.text(4).upper(), disposition=s.text(36).upper(),
        admitted=moment(s.text(44)), discharged=moment(s.text(45)),
    )  # fmt: skip
