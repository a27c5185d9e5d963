"""Signing in and out. allauth's views, with our forms, templates and limits."""

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import LoginView, LogoutView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from .. import actions, context, lockout
from ..acting import person_acting
from ..adapter import AccountAdapter
from ..forms import EmailForm


class SignIn(LoginView):
    provider, is_own_page = "Pro Santé Connect", False

    def _redirect_to_pending_stage(self, request, stage):
        """Coming back to the first page starts over, maybe as someone else."""
        clear_login(request)

    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        return wait(response) if form.is_locked else response

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(**kwargs) | {
            "provider": self.provider if settings.IDENTITY_PLACES else "", "is_own_page": self.is_own_page
        }  # fmt: skip


class OwnPageSignIn(SignIn):
    """« Ouvrir ma page »: the same door, with FranceConnect's place, for patients and relatives."""

    provider, is_own_page = "FranceConnect", True


class Code(AuthenticateView):
    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        locked = any(e.code == "locked" for errors in form.errors.as_data().values() for e in errors)
        return wait(response) if locked else response

    def get_context_data(self, **kwargs) -> dict:
        found = super().get_context_data(**kwargs)
        types = set(Authenticator.objects.filter(user_id=self.stage.login.user.pk).values_list("type", flat=True))
        passkey = Authenticator.Type.WEBAUTHN
        return found | {"has_passkey": passkey in types, "has_codes": types != {passkey}}


class Passkey(LoginWebAuthnView):
    def form_valid(self, form) -> HttpResponse:
        from allauth.account.models import Login
        from allauth.mfa.webauthn.internal import flows

        authenticator = form.cleaned_data["credential"]
        login = Login(user=authenticator.user, redirect_url=get_next_redirect_url(self.request))
        return flows.perform_passwordless_login(self.request, authenticator, login)


class SignOut(LogoutView):
    """GET asks, POST signs out."""


@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login")
def lost_factor(request: HttpRequest) -> HttpResponse:
    """Password given, second factor lost: ask the structure's administrator."""
    user = request._login_stage.login.user
    if request.method == "POST":
        actions.ask_recovery(user)
        clear_login(request)
        return render(request, "accounts/lost_factor.html", {"asked": True})
    return render(request, "accounts/lost_factor.html", {"asked": False})


def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The same answer for every address."""
    if request.user.is_authenticated:
        return redirect("account_change_password")
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lockout.count_attempt(
                lockout.link_key(form.cleaned_data["email"]), lockout.link_key(AccountAdapter().get_client_ip(request))
            )
        except lockout.Locked as locked:
            form.add_error(None, str(locked.message))
            return wait(render(request, "accounts/forgotten_password.html", {"form": form}))
        actions.ask_new_password(form.cleaned_data["email"])
        return render(request, "accounts/forgotten_password.html", {"sent": True})
    return render(request, "accounts/forgotten_password.html", {"form": form})


def closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/closed.html", status=403)


@require_POST
def change_context(request: HttpRequest) -> HttpResponse:
    """Act as another of one's own practice roles, from the header of any page."""
    wanted = request.POST.get("context", "")
    role = next((r for r in context.open_roles(request.user) if str(r.pk) == wanted), None)
    if role is None:
        raise Http404
    actions.change_context(person_acting(request), request.user, role)
    context.take(request, role)
    return redirect(get_next_redirect_url(request) or "/")


def wait(response: HttpResponse) -> HttpResponse:
    response.status_code = 429
    return response
