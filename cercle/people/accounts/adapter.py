"""allauth made ours: who may try, what a sign-in starts, what is kept encrypted, what is said."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import lockout, policy, sign_in
from .models import User, clean_email

NOWHERE = "0.0.0.0"  # nosec: behind a local socket there is no address; the column wants one


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("L’adresse ou le mot de passe ne correspond pas. Vérifiez-les et réessayez."),
        "incorrect_password": _("Ce n’est pas votre mot de passe."),
        "enter_current_password": _("Ce n’est pas votre mot de passe actuel."),
        "account_inactive": _("Ce compte est désactivé."),
        "too_many_login_attempts": _("Trop d’essais sans succès. Réessayez dans quelques minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False  # accounts are offered by an administrator

    def get_client_ip(self, request: HttpRequest) -> str:
        return get_client_ip(request) or NOWHERE

    def authenticate(self, request: HttpRequest, **credentials) -> User | None:
        email = clean_email(credentials.get("email") or "")
        account, address = lockout.account_key(email), lockout.address_key(self.get_client_ip(request))
        count(account, address)
        user = authenticate(request, **credentials)
        if user is None:
            sign_in.failed(User.objects.filter(email=email).first(), "password")
            return None
        lockout.forget(account)
        lockout.give_back(address)
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Same limits as at the door: a borrowed screen must not be a place to guess."""
        account = lockout.account_key(user.email)
        count(account)
        if not user.check_password(password):
            sign_in.failed(user, "reauthentication")
            return False
        lockout.forget(account)
        return True

    def post_login(self, request: HttpRequest, user: User, *, redirect_url: str | None, **hooks) -> HttpResponse:
        sign_in.begin(request, user)
        response = HttpResponseRedirect(self.get_login_redirect_url(request) if not redirect_url else redirect_url)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, user.language, max_age=365 * 86400,
            secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
        )  # fmt: skip
        return response

    def send_mail(self, template_prefix, email, context) -> None:
        """allauth sends nothing: our own messages are jobs, without personal data (tasks.py)."""


class MFAAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant et réessayez."),
        "cannot_delete_authenticator": _(
            "Votre compte doit garder un second facteur. Ajoutez-en un autre avant de retirer celui-ci."
        ),
        "cannot_generate_recovery_codes": _("Ajoutez d’abord une clé d’accès ou une application de codes."),
    }

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def get_totp_issuer(self) -> str:
        return "Cercle"

    def get_public_key_credential_rp_entity(self) -> dict:
        return {**super().get_public_key_credential_rp_entity(), "name": "Cercle"}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last second factor stays, where one is required."""
        if not policy.second_factor_required(authenticator.user):
            return True
        others = Authenticator.objects.filter(
            user_id=authenticator.user_id, type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
        ).exclude(pk=authenticator.pk)
        return others.exists()

    def generate_authenticator_name(self, user, type) -> str:
        """Never numbered by what the person already has on this device: she names it."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Clé d’accès %(number)d") % {"number": number}

    def send_notification_mail(self, *args, **kwargs) -> None:
        """See AccountAdapter.send_mail."""


def count(*keys: str) -> None:
    """`lockout.count_attempt` in the words of a form."""
    try:
        lockout.count_attempt(*keys)
    except lockout.Locked as locked:
        raise ValidationError(str(locked.message), code="locked", params={"wait": locked.wait}) from locked


def _cipher() -> MultiFernet:
    """First key encrypts, all decrypt: a key is replaced by putting the new one in front."""
    return MultiFernet([Fernet(key) for key in settings.SECOND_FACTOR_KEYS])
