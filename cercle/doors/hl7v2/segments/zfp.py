"""ZFP: activity and socio-professional group (INSEE). Kept with the movement."""

from ..parse import Parsed


def read(message: Parsed) -> dict[str, str]:
    s = message.first("ZFP")
    return {name: s.text(n)[:20] for n, name in ((1, "activity"), (2, "group")) if s.text(n)}
