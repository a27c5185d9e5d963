"""Pages opened by a one-time link. The secret goes from the address to the session at once, so that it stays out of
referrers and of the history; nothing happens before a POST."""

from allauth.account.internal import flows
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from cercle.base.common.errors import Refused

from .. import actions, links, policy
from ..forms import ActivationForm, ChoosePasswordForm, PasswordAgainForm
from ..models import Invitation, OneTimeLink, RecoveryRequest, User


def opened(
    request: HttpRequest, purpose: str, token: str | None, page: str
) -> tuple[OneTimeLink | None, HttpResponse | None]:
    """(link, None) to go on, or (None, answer): the redirection that hides the token, or the dead link's page."""
    key = f"link.{purpose}"
    if token:
        request.session[key] = token
        return None, redirect(page)
    link = links.find(purpose, request.session.get(key, ""))
    if link is None:
        request.session.pop(key, None)
        return None, render(request, "accounts/dead_link.html", status=410)
    return link, None


@never_cache
@sensitive_post_parameters()
def activation(request: HttpRequest, token: str | None = None) -> HttpResponse:
    link, answer = opened(request, actions.INVITATION, token, "accounts:activation")
    if answer:
        return answer
    related = Invitation.objects.select_related("organization", "practice_role", "practitioner")
    invitation = related.get(pk=link.subject_id)
    if User.objects.filter(email=invitation.email).exists():
        return accept(request, link, invitation)
    if request.user.is_authenticated:  # someone else's session on this device
        return render(request, "accounts/accept.html", {"invitation": invitation, "other": True})
    terms = policy.TermsVersion.objects.first()
    form = ActivationForm(
        request.POST or None, ask_name=not invitation.practitioner_id,
        initial={"first_name": invitation.first_name, "last_name": invitation.last_name}, terms=terms,
        user=User(email=invitation.email, first_name=invitation.first_name, last_name=invitation.last_name),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.activate(
                link, invitation, password=form.cleaned_data["password1"], terms=terms,
                first_name=form.cleaned_data.get("first_name", ""), last_name=form.cleaned_data.get("last_name", ""),
            )  # fmt: skip
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            request.session.pop(f"link.{actions.INVITATION}", None)
            login = Login(user=user, email=user.email)
            return flows.login.perform_password_login(request, {"email": user.email}, login)
    return render(request, "accounts/activation.html", {"form": form, "invitation": invitation, "terms": terms})


def accept(request: HttpRequest, link: OneTimeLink, invitation: Invitation) -> HttpResponse:
    """There is an account with this address already: sign in with it, then accept."""
    mine = request.user.is_authenticated and request.user.email == invitation.email
    other = request.user.is_authenticated and not mine
    refusal = ""
    if request.method == "POST" and mine:
        try:
            actions.accept_invitation(link, invitation, request.user)
        except Refused as refused:
            refusal = str(refused.message)
        else:
            request.session.pop(f"link.{actions.INVITATION}", None)
            messages.success(request, _("C’est fait : vous pouvez exercer dans ce nouveau contexte."))
            return redirect("/")
    return render(
        request, "accounts/accept.html",
        {"invitation": invitation, "mine": mine, "refusal": refusal, "other": other},
    )  # fmt: skip


@never_cache
@sensitive_post_parameters()
def choose_password(request: HttpRequest, token: str | None = None) -> HttpResponse:
    link, answer = opened(request, actions.PASSWORD, token, "accounts:choose_password")
    if answer:
        return answer
    user = User.objects.get(pk=link.subject_id)
    form = ChoosePasswordForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_password(link, user, password=form.cleaned_data["password1"])
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            request.session.pop(f"link.{actions.PASSWORD}", None)
            messages.success(request, _("Votre mot de passe est changé. Connectez-vous avec le nouveau."))
            return redirect("account_login")
    return render(request, "accounts/choose_password.html", {"form": form})


@never_cache
@sensitive_post_parameters()
def recover(request: HttpRequest, token: str | None = None) -> HttpResponse:
    """An administrator confirmed who she is: with her password, the lost second factor is dropped."""
    link, answer = opened(request, actions.SECOND_FACTOR, token, "accounts:recover")
    if answer:
        return answer
    asked = RecoveryRequest.objects.select_related("user").get(pk=link.subject_id)
    form = PasswordAgainForm(request.POST or None, user=asked.user)
    if request.method == "POST" and form.is_valid():
        try:
            actions.drop_second_factor(link, asked)
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            request.session.pop(f"link.{actions.SECOND_FACTOR}", None)
            messages.success(request, _("Connectez-vous : nous vous ferons choisir un nouveau second facteur."))
            return redirect("account_login")
    return render(request, "accounts/recover.html", {"form": form})
