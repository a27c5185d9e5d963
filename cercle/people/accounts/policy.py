"""What is still owed before going on: a second factor, the terms of use. Decided at sign-in, kept in the session."""

import time

from allauth.mfa.models import Authenticator
from django.conf import settings

from .models import Kind, TermsVersion, User

SECOND_FACTOR, TERMS = "second_factor", "terms"

# Patients and relatives are offered a second factor; who reaches several files, or accounts, must have one.
MUST_HAVE_SECOND_FACTOR = {Kind.PROFESSIONAL, Kind.SUPPORT, Kind.OPERATOR}


def second_factor_required(user: User) -> bool:
    return settings.MFA_REQUIRED and user.kind in MUST_HAVE_SECOND_FACTOR


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(
        user_id=user.pk, type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    ).exists()


def owed(user: User) -> list[str]:
    """The steps left, in the order they are asked."""
    steps = []
    if second_factor_required(user) and not has_second_factor(user):
        steps.append(SECOND_FACTOR)
    if terms_to_accept(user):
        steps.append(TERMS)
    return steps


def terms_to_accept(user: User) -> TermsVersion | None:
    """The version in force if she has not accepted it. None as long as the region has published none."""
    version = TermsVersion.objects.order_by("-number").first()
    if version is None or version.acceptances.filter(user=user).exists():
        return None
    return version


_seen: tuple[float, int] = (0.0, 0)


def terms_number() -> int:
    """Number of the version in force, looked up at most every 20 s a process; 0 without any."""
    global _seen
    if time.monotonic() - _seen[0] > 20:
        number = TermsVersion.objects.order_by("-number").values_list("number", flat=True).first()
        _seen = (time.monotonic(), number or 0)
    return _seen[1]


def forget_terms_number() -> None:
    global _seen
    _seen = (0.0, 0)
