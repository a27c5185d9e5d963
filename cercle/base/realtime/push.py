"""Tell open screens that something changed: names only, at commit, nothing when the transaction fails.

push(f"circle:{note.circle_id}", f"user:{user.pk}")
"""

import re

from django.db import connection

CHANNEL = "cercle"
LIMIT = 7_500  # NOTIFY refuses payloads of 8,000 bytes
_NAME = re.compile(r"[a-z][a-z-]{0,30}:[A-Za-z0-9-]{1,64}")


def is_topic(name: str) -> bool:
    return bool(_NAME.fullmatch(name))


def push(*topics: str) -> None:
    """NOTIFY these names when the current transaction commits; one statement, as few messages as fit.

    A topic is `circle:<id>` or `user:<id>`, nothing else may be said: whoever reads it asks again through a gate.
    """
    names = list(dict.fromkeys(str(t) for t in topics))
    for name in names:
        if not is_topic(name):
            raise ValueError("a topic is a kind and an id, e.g. circle:<uuid>")
    if not names:
        return
    payloads: list[list[str]] = [[]]
    size = 0
    for name in names:
        if size + len(name) + 1 > LIMIT:
            payloads.append([])
            size = 0
        payloads[-1].append(name)
        size += len(name) + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) payload", [CHANNEL, [" ".join(p) for p in payloads]]
        )
