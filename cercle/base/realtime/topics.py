"""The signed, short-lived list of topics that a gated view gives to its page, and that /events trusts."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.core import signing

from .push import is_topic

SALT = "cercle.realtime.topics"
MOST = 100  # the list travels in an address; a desk of 2,000 circles listens to user:<id> instead
TTL = 600


@dataclass(frozen=True, slots=True)
class TopicList:
    topics: tuple[str, ...]
    user_id: str
    signed_at: float


def session_mark(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()[:24]


def sign(topics: Iterable[str], *, user_id, session_key: str, ttl: int = TTL) -> str:
    """A token for `/events?topics=<token>`, good for `ttl` seconds, for this user in this session only.

    Call it behind the gate that showed the thing: signing is granting, until /events asks again (every 5 s).
    """
    names = list(dict.fromkeys(str(t) for t in topics))[:MOST]
    if not all(map(is_topic, names)):
        raise ValueError("a topic is a kind and an id, e.g. circle:<uuid>")
    now = time.time()
    body = {
        "t": names,
        "u": str(user_id),
        "s": session_mark(session_key),
        "i": int(now * 100) / 100,
        "e": int(now) + ttl,
    }
    return signing.dumps(body, salt=SALT, compress=True)


def verify(token: str, *, session_key: str) -> TopicList | None:
    """None when the token is forged, late, or of another session."""
    try:
        body = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    if body["e"] < time.time() or body["s"] != session_mark(session_key):
        return None
    return TopicList(tuple(body["t"]), body["u"], body["i"])
