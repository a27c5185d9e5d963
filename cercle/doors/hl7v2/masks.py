"""A message as the operator's screen shows it: its bones, and the codes that say what went wrong; never a person."""

from .parse import Parsed, Segment

# Fields that name nobody. MSH, EVN and ZBE are about the message and the movement; of the others, codes only.
WHOLE = {"MSH", "EVN", "ZFA", "MSA", "ERR"}
CODES = {
    "PID": {8, 30, 32},
    "PV1": {1, 2, 4, 36},
    "PV2": {8, 9},
    "ZBE": {2, 3, 4, 5, 6, 9},
    "ZFD": {3, 4, 5, 6, 7},
    "ZFM": {1, 2, 3, 4, 5},
}
HIDDEN = "•••"


def masked(message: Parsed) -> list[str]:
    return [_line(s) for s in message.segments]


def plain(message: Parsed) -> list[str]:
    return [s.by.field.join(_fields(s)) for s in message.segments]


def _line(s: Segment) -> str:
    if s.name in WHOLE:
        return s.by.field.join(_fields(s))
    shown = CODES.get(s.name, set())
    return s.by.field.join(f if n == 0 or n in shown or not f else HIDDEN for n, f in enumerate(_fields(s)))


def _fields(s: Segment) -> list[str]:
    # MSH-1 is the separator itself: it is not written twice.
    return [s.fields[0], *s.fields[2:]] if s.name == "MSH" else list(s.fields)
