"""How often the same person or address may ask.

What must hold across processes (sign-in, public forms, links, exports) is counted in PostgreSQL, one row per counter,
one atomic statement: `@limited("export", per_minute=6)` on a view, or `spend(…)` in code. The wide limit on signed-in
reading and on machine clients only stops a runaway: it is counted in each process, `ReadingLimit` in middleware.py.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

MINUTE, HOUR, DAY = 60, 3600, 86400


def client_address(request: HttpRequest) -> str:
    """The caller's address; config/asgi.py has already resolved what trusted proxies say."""
    return request.META.get("REMOTE_ADDR", "")


def who(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return f"user {user.pk}" if user is not None and user.is_authenticated else f"address {client_address(request)}"


def counter_key(scope: str, subject: str) -> str:
    """Neither address nor login is kept in clear."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{scope}\0{subject}".encode(), hashlib.sha256).hexdigest()


def spend(scope: str, subject: str, *, limit: int, seconds: int = MINUTE) -> int:
    """Count one; 0 when within `limit` per window of `seconds`, else the seconds to wait. Atomic, all processes."""
    moment = int(time.time())
    slot = moment // seconds
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO web_counter AS c (key, slot, n, ends_at) VALUES (%s, %s, 1, to_timestamp(%s))
            ON CONFLICT (key) DO UPDATE
               SET n = CASE WHEN c.slot = EXCLUDED.slot THEN c.n + 1 ELSE 1 END,
                   slot = EXCLUDED.slot, ends_at = EXCLUDED.ends_at
            RETURNING n
            """,
            [counter_key(scope, subject), slot, (slot + 1) * seconds],
        )
        used = cursor.fetchone()[0]
    return 0 if used <= limit else (slot + 1) * seconds - moment


def forget(scope: str, subject: str) -> None:
    """After a success: the next failures count from zero."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM web_counter WHERE key = %s", [counter_key(scope, subject)])


def limited(scope: str, *, per_minute: int = 0, per_hour: int = 0, methods: tuple[str, ...] = ()) -> Callable:
    """A view that answers the 429 page beyond its limit, counted per person, or per address when signed out."""
    windows = [(n, s) for n, s in ((per_minute, MINUTE), (per_hour, HOUR)) if n]

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if not methods or request.method in methods:
                for limit, seconds in windows:
                    wait = spend(f"{scope}/{seconds}", who(request), limit=limit, seconds=seconds)
                    if wait:
                        from cercle.base.web.errors import too_many

                        return too_many(request, wait)
            return view(request, *args, **kwargs)

        wrapper.limits = (scope, windows)
        return wrapper

    return decorate


class InProcess:
    """A bucket per subject, in memory: refills steadily, forgets the quiet ones."""

    def __init__(self, per_minute: int, most: int = 50_000):
        self.rate = per_minute / 60
        self.full = per_minute
        self.most = most
        self.buckets: dict[str, tuple[float, float]] = {}
        self.lock = threading.Lock()

    def spend(self, subject: str) -> bool:
        moment = time.monotonic()
        with self.lock:
            left, last = self.buckets.get(subject, (self.full, moment))
            left = min(self.full, left + (moment - last) * self.rate)
            if len(self.buckets) >= self.most and subject not in self.buckets:
                quiet = moment - MINUTE
                self.buckets = {k: v for k, v in self.buckets.items() if v[1] > quiet}
            self.buckets[subject] = (left - 1 if left >= 1 else left, moment)
            return left >= 1
