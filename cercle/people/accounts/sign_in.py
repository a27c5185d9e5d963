"""The moment of signing in, and how fresh it is."""

import time

from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    record_authentication,
)
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from cercle.base.audit.models import Kind as Act
from cercle.base.audit.record import Machine, record

from . import context, policy
from .acting import user_acting
from .models import StructureAdmin, User

STEPS, TERMS_NUMBER = "account.steps", "account.terms"
ADMINISTERS, CONTEXTS = "account.administers", "account.contexts"  # what the frame shows, noted once

FRESH = 300  # seconds; allauth's own default for its sensitive pages

DOOR = Machine(source="web", ground="sign-in", actor_name="")


def begin(request: HttpRequest, user: User) -> None:
    """What every sign-in does, whatever proved it: context, steps owed, list of sessions, trace."""
    freshen(request)
    request.session[STEPS] = policy.owed(user)
    request.session[TERMS_NUMBER] = policy.terms_number()
    request.session[ADMINISTERS] = StructureAdmin.objects.open().filter(user=user).exists()
    request.session[CONTEXTS] = len(context.open_roles(user))
    with transaction.atomic():
        role = context.current_role(request)
        if role is not None:
            context.take(request, role)
            if user.last_context_id != role.pk:
                User.objects.filter(pk=user.pk).update(last_context=role)
        UserSession.objects.create_from_request(request)
        methods = sorted({r.get("type") or r["method"] for r in get_authentication_records(request, user)})
        record(user_acting(user, role=role), "accounts.signed_in", on=user, kind=Act.LOGIN, details={"by": methods})


def failed(email_owner: User | None, step: str) -> None:
    """A wrong password or code. The address typed is not kept: it may be anyone's."""
    record(DOOR, "accounts.sign_in_failed", on=email_owner, kind=Act.LOGIN, details={"step": step}, outcome="refused")


def freshen(request: HttpRequest) -> None:
    """Signing in counts as proving oneself again: the pages that ask for it do not ask twice in a row."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY)
    if records:
        records[-1]["reauthenticated"] = True
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records


def fresh_sign_in(request: HttpRequest, max_age: int = FRESH) -> bool:
    """True when she proved who she is (password, code or passkey) less than `max_age` seconds ago in this session."""
    proofs = [r["at"] for r in get_authentication_records(request, request.user) if r.get("reauthenticated")]
    return bool(proofs) and time.time() - proofs[-1] < max_age


def ask_again(request: HttpRequest, then: str | None = None) -> HttpResponseRedirect:
    """To the page that asks for a proof, and back to `then` (default: this page, by GET)."""
    query = urlencode({"next": then or request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{query}")


def prove(request: HttpRequest, method: str = "password") -> None:
    """Note a proof made now (our own forms that ask for the password; tests)."""
    record_authentication(request, request.user, method=method, reauthenticated=True)
