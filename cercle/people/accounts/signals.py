"""What allauth and Django say happened, written in the journal and told to the person."""

from allauth.account.signals import password_changed
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver

from cercle.base.audit.models import Kind as Act
from cercle.base.audit.record import record

from . import actions, tasks
from .acting import user_acting


@receiver(user_logged_out)
def signed_out(sender, request, user, **_):
    if user is None:
        return
    with transaction.atomic():
        UserSession.objects.filter(user=user, session_key=request.session.session_key or "").delete()
        record(user_acting(user), "accounts.signed_out", on=user, kind=Act.LOGIN)


@receiver(password_changed)
def password_changed_by_owner(sender, request, user, **_):
    """The other sessions end: their hash no longer fits, and the list must say so."""
    with transaction.atomic():
        actions.end_sessions(user_acting(user), user, but=request.session.session_key)
        record(user_acting(user), "accounts.password_changed", on=user)
        tasks.tell.defer(user_id=user.pk, what="password")


def _factor(action: str, what: str):
    def tell(sender, request, user, authenticator, **_):
        with transaction.atomic():
            record(user_acting(user), action, on=user, kind=Act.UPDATE, details={"type": authenticator.type})
            tasks.tell.defer(user_id=user.pk, what=what)

    return tell


# Kept by name: Django holds receivers weakly.
factor_added = _factor("accounts.factor_added", "factor_added")
factor_removed = _factor("accounts.factor_removed", "factor_removed")
codes_renewed = _factor("accounts.codes_renewed", "codes_renewed")
authenticator_added.connect(factor_added)
authenticator_removed.connect(factor_removed)
authenticator_reset.connect(codes_renewed)
