"""Who may still listen to what. Realtime knows no rights: the apps that do register a check per kind of topic.

    # people/circles/apps.py, ready()
    checks.register("circle", access.still_open)      # still_open(user_id, circle_ids) -> those still allowed
    checks.register("circle", access.still_open_to_all, batch=True)   # one query for everybody: set of (user_id, id)

Asked when a stream opens and every 5 s, for all streams of a worker at once, in a thread with its own connection.
A kind of topic without a check is refused.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

Pair = tuple[str, str]  # (user id, what stands after the colon)

_checks: dict[str, tuple[Callable, bool]] = {}


def register(prefix: str, check: Callable, *, batch: bool = False) -> None:
    """`check(user_id: str, names: set[str])` gives back the names still allowed; with `batch`,
    `check(pairs: set[tuple[str, str]])` gives back the pairs still allowed."""
    _checks[prefix] = (check, batch)


def allowed(wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of these (user id, topic), those that may be heard now."""
    by_prefix: dict[str, set[Pair]] = defaultdict(set)
    for user_id, topic in wanted:
        prefix, _colon, name = topic.partition(":")
        by_prefix[prefix].add((user_id, name))
    kept: set[tuple[str, str]] = set()
    for prefix, pairs in by_prefix.items():
        if prefix not in _checks:
            continue
        check, batch = _checks[prefix]
        if batch:
            good = {(str(u), str(n)) for u, n in check(pairs)} & pairs
        else:
            by_user: dict[str, set[str]] = defaultdict(set)
            for user_id, name in pairs:
                by_user[user_id].add(name)
            good = {(u, str(n)) for u, names in by_user.items() for n in check(u, names) if str(n) in names}
        kept |= {(u, f"{prefix}:{n}") for u, n in good}
    return kept


register("user", lambda pairs: {(u, n) for u, n in pairs if u == n}, batch=True)
