"""One-time links: make one, find what it opens, use it once.

The secret exists only in the message that carries it; the row keeps its hash. Opening the address does nothing
(mail scanners open links): the person confirms by POST, and only then `use` is called, in the transaction of
what it allows. With a code on another channel, five wrong codes end the link.
"""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

from .models import OneTimeLink

MAX_WRONG_CODES = 5


def make(
    purpose: str, subject_id, *, lasts: timedelta, created_by=None, with_code: bool = False
) -> tuple[OneTimeLink, str, str]:
    """(row, token, code): the two secrets are given once, `code` is empty unless asked.

    An earlier link of the same purpose and subject stops working: the newest message is the right one.
    """
    token = secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**6):06}" if with_code else ""
    revoke(purpose, subject_id)
    row = OneTimeLink.objects.create(
        purpose=purpose,
        subject_id=subject_id,
        token_hash=_hash(token),
        code_hash=_hash(token + code) if code else "",
        created_by=created_by,
        expires_at=timezone.now() + lasts,
    )
    return row, token, code


def revoke(purpose: str, subject_id) -> None:
    OneTimeLink.objects.filter(
        purpose=purpose, subject_id=subject_id, used_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=timezone.now())


def find(purpose: str, token: str) -> OneTimeLink | None:
    """The link while it can still serve, else None: used, revoked, expired and unknown look the same."""
    return OneTimeLink.objects.filter(
        purpose=purpose,
        token_hash=_hash(token),
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
        attempts__lt=MAX_WRONG_CODES,
    ).first()


def check_code(link: OneTimeLink, token: str, code: str) -> bool:
    """True when the link asks for no code or this is the one. Outside any transaction: a wrong one is counted."""
    if not link.code_hash:
        return True
    if hmac.compare_digest(link.code_hash, _hash(token + code.strip())):
        return True
    OneTimeLink.objects.filter(pk=link.pk).update(attempts=F("attempts") + 1)
    return False


def use(link: OneTimeLink) -> None:
    """Burn the link. Raises `Refused` when another request burnt it first."""
    done = OneTimeLink.objects.filter(
        pk=link.pk, used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=timezone.now()
    ).update(used_at=timezone.now())
    if not done:
        raise Refused(_("Ce lien a déjà servi ou n’est plus valable."), "link_used")


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
