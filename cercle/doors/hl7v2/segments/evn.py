"""EVN: when it was entered (2), planned for (3), and happened (6)."""

from ..parse import Parsed
from .shapes import Moment, moment


def happened(message: Parsed) -> Moment | None:
    evn = message.first("EVN")
    return moment(evn.text(6)) or moment(evn.text(2))


def planned(message: Parsed) -> Moment | None:
    return moment(message.first("EVN").text(3))
