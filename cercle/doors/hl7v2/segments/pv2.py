"""PV2: expected dates of entry (8) and discharge (9)."""

from ..parse import Parsed
from .shapes import Moment, moment


def expected_entry(message: Parsed) -> Moment | None:
    return moment(message.first("PV2").text(8))


def expected_discharge(message: Parsed) -> Moment | None:
    return moment(message.first("PV2").text(9))
