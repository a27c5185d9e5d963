"""ZFV: more about the visit: where from, by which transport, how it ended. Kept with the movement."""

from ..parse import Parsed


def read(message: Parsed) -> dict[str, str]:
    s = message.first("ZFV")
    names = {1: "origin", 2: "transport", 7: "account", 9: "own_exit", 11: "responsibility"}
    return {name: s.text(n)[:60] for n, name in names.items() if s.text(n)}
