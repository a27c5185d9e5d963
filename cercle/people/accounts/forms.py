"""The forms of sign-in and of accounts. allauth's keep their field names, relied on: `login`, `password`, `code`."""

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.account.internal.flows.password_change import change_password
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeAgainForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.db import connection
from django.utils.translation import gettext_lazy as _

from . import lockout, sign_in
from .adapter import MFAAdapter, count
from .models import Kind, clean_email

CODE_WIDGET = {"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "off", "spellcheck": "false"}


class SignInForm(LoginForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Adresse électronique")
        self.fields["login"].widget.attrs = {"type": "email", "autocomplete": "username", "autocapitalize": "off"}
        self.fields["password"].label = _("Mot de passe")
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs = {"autocomplete": "current-password"}

    @property
    def is_locked(self) -> bool:
        return any(e.code == "locked" for errors in self.errors.as_data().values() for e in errors)


class PasswordAgainForm(ReauthenticateForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("Mot de passe")
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs = {"autocomplete": "current-password"}


class NewPasswordForm(ChangePasswordForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _label_passwords(self)
        self.fields["oldpassword"].label = _("Mot de passe actuel")
        self.fields["oldpassword"].help_text = ""
        self.fields["oldpassword"].widget.attrs = {"autocomplete": "current-password"}

    def clean_oldpassword(self) -> str:
        count(lockout.account_key(self.user.email))
        old = super().clean_oldpassword()
        lockout.forget(lockout.account_key(self.user.email))
        return old

    def save(self) -> None:
        change_password(self.user, self.cleaned_data["password1"])


class CodeMixin:
    """A code of the application (once), or a recovery code. Same limits for both."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code à 6 chiffres, ou code de secours")
        self.fields["code"].widget.attrs = {**CODE_WIDGET, "autofocus": True}

    def clean_code(self) -> str:
        key = lockout.code_key(self.user.pk)
        count(key)
        code = self.cleaned_data["code"].replace(" ", "")
        for authenticator in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN):
            if self._is_right(authenticator, code):
                authenticator.user = self.user
                self.authenticator = authenticator
                lockout.forget(key)
                return code
        sign_in.failed(self.user, "code")
        raise MFAAdapter().validation_error("incorrect_code")

    def _is_right(self, authenticator: Authenticator, code: str) -> bool:
        if authenticator.type != Authenticator.Type.TOTP:
            return authenticator.wrap().validate_code(code)
        secret = decrypt(authenticator.data["secret"])
        for step in yield_hotp_counters_from_time():
            if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
                return _first_use(self.user.pk, step) or settings.TOTP_CODES_SERVE_TWICE
        return False


class CodeForm(CodeMixin, AuthenticateForm):
    pass


class CodeAgain(CodeMixin, CodeAgainForm):
    pass


class ActivateCodesForm(ActivateTOTPForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code affiché par l’application")
        self.fields["code"].widget.attrs = dict(CODE_WIDGET)


class AddPasskeyForm(AddWebAuthnForm):
    """Always one that signs in alone: this is what « Continuer avec ce téléphone » needs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Nom de cette clé")
        self.fields["name"].help_text = _("Pour la reconnaître dans la liste : « Mon téléphone », « Poste du bureau »…")
        self.fields["name"].max_length = 60
        self.fields["name"].widget.attrs = {"maxlength": 60}
        self.fields["passwordless"].initial = True


class RenamePasskeyForm(EditWebAuthnForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Nom de cette clé")
        self.fields["name"].widget.attrs = {"maxlength": 60}


class EmailForm(forms.Form):
    """Where to send the link that lets one choose another password."""

    email = forms.EmailField(
        label=_("Adresse électronique"), max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )  # fmt: skip

    def clean_email(self) -> str:
        return clean_email(self.cleaned_data["email"])


class ChoosePasswordForm(forms.Form):
    password1 = forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    password2 = forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, *args, user=None, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)
        _label_passwords(self)

    def clean_password1(self) -> str:
        password_validation.validate_password(self.cleaned_data["password1"], self.user)
        return self.cleaned_data["password1"]

    def clean(self):
        data = super().clean()
        if data.get("password1") and data.get("password2") and data["password1"] != data["password2"]:
            self.add_error("password2", _("Les deux mots de passe ne sont pas les mêmes."))
        return data


class ActivationForm(ChoosePasswordForm):
    first_name = forms.CharField(
        label=_("Prénom"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Nom"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    accept = forms.BooleanField(label=_("J’ai lu les conditions d’utilisation et je les accepte"))

    field_order = ["first_name", "last_name", "password1", "password2", "accept"]

    def __init__(self, *args, ask_name: bool, terms, **kwargs):
        super().__init__(*args, **kwargs)
        if not ask_name:
            del self.fields["first_name"], self.fields["last_name"]
        if terms is None:
            del self.fields["accept"]


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("Adresse électronique professionnelle"), max_length=254)
    first_name = forms.CharField(label=_("Prénom"), max_length=120)
    last_name = forms.CharField(label=_("Nom"), max_length=120)
    makes_admin = forms.BooleanField(label=_("Administrera aussi les comptes de la structure"), required=False)

    def __init__(self, *args, role=None, kinds=(), **kwargs):
        super().__init__(*args, **kwargs)
        if role is not None:  # the directory already says who it is
            del self.fields["first_name"], self.fields["last_name"]
            self.fields["email"].initial = role.email
        if kinds:
            self.fields["kind"] = forms.ChoiceField(
                label=_("Type de compte"), choices=[(k.value, k.label) for k in kinds], initial=Kind.PROFESSIONAL
            )

    def clean_email(self) -> str:
        return clean_email(self.cleaned_data["email"])


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Motif"), max_length=200)


class IdentityCheckForm(forms.Form):
    identity_check = forms.CharField(
        label=_("Comment avez-vous reconnu la personne ?"), max_length=200,
        help_text=_("En présence ou en visioconférence, avec quelle pièce. Jamais sur un simple appel ou message."),
    )  # fmt: skip


class ProfileForm(forms.Form):
    language = forms.ChoiceField(label=_("Langue"), choices=settings.LANGUAGES)
    theme = forms.ChoiceField(label=_("Apparence"))

    def __init__(self, *args, **kwargs):
        from .models import User

        super().__init__(*args, **kwargs)
        self.fields["theme"].choices = User.Theme.choices


def _label_passwords(form: forms.Form) -> None:
    form.fields["password1"].label = _("Nouveau mot de passe")
    form.fields["password1"].help_text = _("12 caractères ou plus. Une phrase se retient mieux qu’un mot compliqué.")
    form.fields["password1"].widget.attrs = {"autocomplete": "new-password"}
    form.fields["password2"].label = _("Le même, encore une fois")
    form.fields["password2"].widget.attrs = {"autocomplete": "new-password"}


def _first_use(user_id, step: int) -> bool:
    """Keep the latest step used: this one and those before never serve again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_totpstep AS t (user_id, step) VALUES (%s, %s)"
            " ON CONFLICT (user_id) DO UPDATE SET step = excluded.step WHERE t.step < excluded.step",
            [user_id, step],
        )
        return cursor.rowcount == 1
