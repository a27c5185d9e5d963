"""Lock-out: how many failures an account and a network address may have before they wait.

Counted in the database in one statement, so that processes share the count and parallel guesses cannot slip
through; an attempt is counted before it is verified. An address without account is counted like any other,
so a lock tells nothing about who exists. Nothing here keeps an e-mail or network address, only its hash.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import ngettext

from cercle.base.common.errors import Refused

from .models import Attempts, clean_email


@dataclass(frozen=True)
class Limit:
    failures: int
    window: timedelta
    lock: timedelta


def limit(scope: str) -> Limit:
    """`settings.LOCKOUT[scope]` = (failures, seconds they are counted over, seconds of lock)."""
    failures, window, lock = settings.LOCKOUT[scope]
    return Limit(failures, timedelta(seconds=window), timedelta(seconds=lock))


class Locked(Refused):
    """Too many failures. `wait` says for how long."""

    def __init__(self, wait: timedelta):
        minutes = max(1, -(-int(wait.total_seconds()) // 60))
        message = ngettext(
            "Trop d’essais sans succès. Réessayez dans %(minutes)d minute.",
            "Trop d’essais sans succès. Réessayez dans %(minutes)d minutes.",
            minutes,
        ) % {"minutes": minutes}
        super().__init__(message, "locked")
        self.wait = wait


def account_key(email: str) -> str:
    return _key("account", clean_email(email))


def address_key(address: str) -> str:
    return _key("address", address)


def code_key(user_id) -> str:
    return _key("code", str(user_id))


def link_key(value: str) -> str:
    """Asking for a link by mail: per address written to, and per network address."""
    return _key("link", clean_email(value))


def _key(scope: str, value: str) -> str:
    return f"{scope}:{sha256(f'{scope}:{value}'.encode()).hexdigest()[:40]}"


def count_attempt(*keys: str) -> None:
    """Count one attempt on each key; raises `Locked` when one of them must wait. Undo with `forget` or `give_back`."""
    wait = timedelta(0)
    for key in keys:
        until, now = _count(key, limit(key.partition(":")[0]))
        if until is not None and until > now:
            wait = max(wait, until - now)
    if wait:
        raise Locked(wait)


def forget(*keys: str) -> None:
    """The secret was right (or someone unlocked): the count starts again."""
    Attempts.objects.filter(key__in=keys).delete()


def give_back(*keys: str) -> None:
    """The secret was right: this attempt does not count, earlier ones do (a shared address stays watched)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_attempts SET failures = greatest(failures - 1, 0) WHERE key = ANY(%s)", [list(keys)]
        )


def is_locked(key: str) -> bool:
    return Attempts.objects.filter(key=key, locked_until__gt=timezone.now()).exists()


def purge() -> int:
    """Drop the counts that no longer matter; returns how many."""
    longest = max(window + lock for _, window, lock in settings.LOCKOUT.values())
    done, _ = Attempts.objects.filter(window_start__lt=timezone.now() - timedelta(seconds=longest)).delete()
    return done


# « Over »: the lock has ended, or the failures counted are too old to matter.
_COUNT = """
INSERT INTO accounts_attempts AS a (key, failures, window_start) VALUES (%(key)s, 1, clock_timestamp())
ON CONFLICT (key) DO UPDATE SET (failures, window_start, locked_until) = (
    SELECT CASE WHEN over THEN 1 WHEN a.locked_until IS NULL THEN a.failures + 1 ELSE a.failures END,
           CASE WHEN over THEN clock_timestamp() ELSE a.window_start END,
           CASE WHEN over THEN NULL
                WHEN a.locked_until IS NULL AND a.failures >= %(failures)s THEN clock_timestamp() + %(lock)s
                ELSE a.locked_until END
    FROM (SELECT coalesce(a.locked_until <= clock_timestamp(), a.window_start < clock_timestamp() - %(window)s) AS over) o
)
RETURNING locked_until, clock_timestamp()
"""


def _count(key: str, bound: Limit):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "failures": bound.failures, "window": bound.window, "lock": bound.lock})
        return cursor.fetchone()
