"""One's own account: preferences, second factor, sessions, terms of use, first steps."""

import re

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import AddWebAuthnView
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from .. import actions, context, policy
from ..acting import person_acting
from ..forms import ProfileForm
from ..sign_in import STEPS


def home(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = ProfileForm(request.POST or None, initial={"language": user.language, "theme": user.theme})
    if request.method == "POST" and form.is_valid():
        actions.set_preferences(person_acting(request), user, **form.cleaned_data)
        messages.success(request, _("Vos préférences sont enregistrées."))
        return remember(redirect("accounts:home"), **form.cleaned_data)
    return render(
        request, "accounts/home.html",
        {"form": form, "roles": context.open_roles(user), "current": context.current_role(request)},
    )  # fmt: skip


def remember(response: HttpResponse, *, language: str, theme: str) -> HttpResponse:
    """Language and theme also live in cookies: the pages before sign-in follow them too."""
    options = {"max_age": 365 * 86400, "secure": settings.SESSION_COOKIE_SECURE, "samesite": "Lax"}
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, **options)
    response.set_cookie("theme", "" if theme == "auto" else theme, **options)
    return response


def security(request: HttpRequest) -> HttpResponse:
    rows = list(Authenticator.objects.filter(user=request.user).order_by("created_at"))
    recovery = next((r for r in rows if r.type == Authenticator.Type.RECOVERY_CODES), None)
    return render(
        request, "accounts/security.html",
        {
            "passkeys": [r for r in rows if r.type == Authenticator.Type.WEBAUTHN],
            "totp": next((r for r in rows if r.type == Authenticator.Type.TOTP), None),
            "codes_left": len(recovery.wrap().get_unused_codes()) if recovery else None,
            "required": policy.second_factor_required(request.user),
            "session_count": UserSession.objects.filter(user=request.user).count(),
        },
    )  # fmt: skip


def first_factor(request: HttpRequest) -> HttpResponse:
    """First sign-in: a passkey or an application of codes, before anything else."""
    if policy.SECOND_FACTOR not in request.session.get(STEPS, []) or policy.has_second_factor(request.user):
        return redirect("/")
    return render(request, "accounts/first_factor.html")


class AddPasskey(AddWebAuthnView):
    """allauth's page, in our frame or, during the first steps, out of it."""


def terms(request: HttpRequest) -> HttpResponse:
    """Read the version in force; accept it when that is owed."""
    owed = policy.terms_to_accept(request.user)
    if request.method == "POST" and owed is not None and request.POST.get("accept") == str(owed.number):
        actions.accept_terms(person_acting(request), request.user, owed)
        return redirect("/")
    version = owed or policy.TermsVersion.objects.first()
    return render(request, "accounts/terms.html", {"version": version, "owed": owed})


def sessions(request: HttpRequest) -> HttpResponse:
    rows = UserSession.objects.purge_and_list(request.user)
    for row in rows:
        row.device = device(row.user_agent)
        row.is_phone = bool(re.search(r"Android|iPhone|iPad|Mobile", row.user_agent))
    rows.sort(key=lambda r: (not r.is_current(), -r.created_at.timestamp()))
    return render(request, "accounts/sessions.html", {"sessions": rows})


@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """One session (`session` = its number), or all the others."""
    acting = person_acting(request)
    if number := request.POST.get("session"):
        row = get_object_or_404(UserSession, user=request.user, pk=number if number.isdecimal() else 0)
        if row.session_key == request.session.session_key:
            return redirect("account_logout")
        actions.end_session(acting, row)
        messages.success(request, _("Cet appareil est déconnecté."))
    else:
        count = actions.end_sessions(acting, request.user, but=request.session.session_key)
        messages.success(request, _("%(count)d session(s) terminée(s).") % {"count": count})
    return redirect("usersessions_list")


def device(agent: str) -> str:
    """« Chrome sur Android »: enough to recognise one's own device."""
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), _("Navigateur inconnu"))
    system = next((name for mark, name in systems if mark in agent), "")
    return _("%(browser)s sur %(system)s") % {"browser": browser, "system": system} if system else browser
