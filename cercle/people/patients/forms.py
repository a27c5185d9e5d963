"""Forms of identity, for the screens of care/record. They keep what was typed; `actions` decides.

form = IdentityForm(request.POST)
if form.is_valid():
    actions.create_patient(viewer, traits=form.traits, coordinates=form.coordinates)
"""

from collections.abc import Callable

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.patients import ins, status
from cercle.people.patients.actions.around import COORDINATES, ROLES, checked_email, checked_phone
from cercle.people.patients.models import Identity, PatientIdentifier
from cercle.people.patients.relationships import Relationship
from cercle.people.patients.traits import CivilTraits, strict_name


def _or_error(read: Callable, *args):
    """A refusal of the domain, as an error of the field."""
    try:
        return read(*args)
    except Refused as refusal:
        raise forms.ValidationError(refusal.message, code=refusal.code) from None


def _text(label, size: int, required: bool = False, *, help="", **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=size, required=required, help_text=help, widget=forms.TextInput(attrs=attrs)
    )


class CoordinatesForm(forms.Form):
    address = _text(gettext_lazy("Adresse"), 200, autocomplete="off")
    address_extra = _text(gettext_lazy("Complément (bâtiment, étage, « chez… »)"), 200, autocomplete="off")
    postal_code = _text(gettext_lazy("Code postal"), 10, inputmode="numeric", autocomplete="off")
    commune_label = _text(gettext_lazy("Commune"), 120, autocomplete="off")
    commune_code = forms.CharField(max_length=5, required=False, widget=forms.HiddenInput)
    phone = _text(gettext_lazy("Téléphone"), 30, type="tel", autocomplete="off")
    phone_other = _text(gettext_lazy("Autre téléphone"), 30, type="tel", autocomplete="off")
    email = _text(gettext_lazy("Adresse électronique"), 254, type="email", autocomplete="off")

    def clean_phone(self):
        return _or_error(checked_phone, self.cleaned_data["phone"])

    def clean_phone_other(self):
        return _or_error(checked_phone, self.cleaned_data["phone_other"])

    def clean_email(self):
        return _or_error(checked_email, self.cleaned_data["email"])

    @property
    def coordinates(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name, "") for name in COORDINATES}


class TraitsForm(forms.Form):
    """Traits alone, to correct an identity."""

    birth_family = _text(gettext_lazy("Nom de naissance"), 100, True, autocomplete="off", autocapitalize="characters")
    birth_given = _text(gettext_lazy("Premier prénom de naissance"), 100, True, autocomplete="off")
    birth_givens = _text(
        gettext_lazy("Tous les prénoms de naissance"),
        200,
        help=gettext_lazy("Dans l’ordre de l’état civil, le premier compris."),
        autocomplete="off",
    )
    sex = forms.ChoiceField(label=gettext_lazy("Sexe"), choices=Identity.Sex.choices, widget=forms.RadioSelect)
    birth_date = _text(
        gettext_lazy("Date de naissance"),
        40,
        True,
        help=gettext_lazy("12/04/1939, ou ce qui est connu : 04/1939, 1939."),
        inputmode="numeric",
        autocomplete="off",
    )
    birth_place_label = _text(gettext_lazy("Lieu de naissance"), 120, autocomplete="off")
    birth_place_code = _text(
        gettext_lazy("Code INSEE du lieu de naissance"),
        5,
        help=gettext_lazy("Commune de naissance, ou 99 et le pays ; 99999 s’il n’est pas connu."),
        autocomplete="off",
    )
    used_family = _text(gettext_lazy("Nom utilisé"), 100, autocomplete="off")
    used_given = _text(gettext_lazy("Prénom utilisé"), 100, autocomplete="off")

    traits: CivilTraits | None = None

    @classmethod
    def of(cls, identity: Identity, *args, **kwargs):
        """Filled with the current identity; the date as it is read."""
        initial = {name: getattr(identity, name) for name in cls.base_fields if hasattr(identity, name)}
        return cls(*args, initial=initial | {"birth_date": dates.short(identity.birth)}, **kwargs)

    def clean_birth_family(self):
        return _or_error(strict_name, self.cleaned_data["birth_family"], _("le nom de naissance"))

    def clean_birth_given(self):
        return _or_error(strict_name, self.cleaned_data["birth_given"], _("le premier prénom de naissance"))

    def clean_birth_givens(self):
        typed = self.cleaned_data["birth_givens"].replace(",", " ")
        return typed and _or_error(strict_name, typed, _("les prénoms de naissance"), 200)

    def clean_birth_date(self):
        return _or_error(dates.parse, self.cleaned_data["birth_date"])

    def clean(self) -> dict:
        cleaned = super().clean()
        first, listed = cleaned.get("birth_given"), cleaned.get("birth_givens")
        if first and listed and not f"{listed} ".startswith(f"{first} "):
            self.add_error("birth_givens", _("Cette liste commence par le premier prénom de naissance."))
        if not self.errors:
            try:
                self.traits = CivilTraits.read(**{name: cleaned[name] for name in TraitsForm.base_fields})
            except Refused as refusal:
                self.add_error("birth_place_code" if "place" in refusal.code else None, str(refusal.message))
        return cleaned


class IdentityForm(CoordinatesForm, TraitsForm):
    """A new patient: traits, coordinates, and her social-security number when it is known."""

    nss = _text(
        gettext_lazy("Numéro de sécurité sociale"),
        30,
        help=gettext_lazy("Il aide à retrouver les doublons. Ce n’est pas l’INS, que seul le téléservice INSi donne."),
        inputmode="numeric",
        autocomplete="off",
    )
    field_order = [*TraitsForm.base_fields, *CoordinatesForm.base_fields, "nss"]

    def clean_nss(self):
        typed = self.cleaned_data["nss"]
        return typed and _or_error(ins.parse, typed).value

    @property
    def identifiers(self) -> list[tuple[str, str, str]]:
        nss = self.cleaned_data.get("nss")
        return [(PatientIdentifier.Kind.NSS, "", nss)] if nss else []

    @property
    def warnings(self) -> list[str]:
        """Traits that do not fit the number, once the form is valid: to show, never to refuse."""
        nss, t = self.cleaned_data.get("nss"), self.traits
        if not (nss and t):
            return []
        found = ins.discords(ins.parse(nss), sex=t.sex, birth=t.birth, birth_place_code=t.birth_place_code)
        return [str(d.message) for d in found]


class ChangeForm(TraitsForm):
    """A correction: where it comes from, and whether a fall of the status is accepted."""

    origin = forms.ChoiceField(
        label=gettext_lazy("Cette correction vient"),
        choices=[
            (status.Origin.MANUAL.value, gettext_lazy("de ce que dit la personne ou un proche")),
            (status.Origin.DOCUMENT.value, gettext_lazy("d’une pièce d’identité que j’ai vue")),
        ],
        widget=forms.RadioSelect,
        initial=status.Origin.MANUAL.value,
    )
    document = forms.ChoiceField(
        label=gettext_lazy("Pièce d’identité"), choices=[("", ""), *Identity.Document.choices], required=False
    )
    reason = _text(gettext_lazy("Motif"), 500)
    accept_lower = forms.BooleanField(label=gettext_lazy("J’accepte que l’identité perde son statut"), required=False)


class DocumentForm(forms.Form):
    document = forms.ChoiceField(label=gettext_lazy("Pièce d’identité vue"), choices=Identity.Document.choices)
    reason = _text(gettext_lazy("Précision"), 500)


class LowerForm(forms.Form):
    to = forms.ChoiceField(label=gettext_lazy("Nouveau statut"), widget=forms.RadioSelect)
    reason = _text(gettext_lazy("Motif"), 500, True)

    def __init__(self, *args, current: Identity, **kwargs):
        super().__init__(*args, **kwargs)
        lower = [m for m in status.moves_from(current.status) if m.needs == status.Needs.REASON]
        self.fields["to"].choices = [(m.end, m.label) for m in lower]


class MarkForm(forms.Form):
    marker = forms.ChoiceField(
        label=gettext_lazy("Signalement"),
        choices=[
            ("doubtful", gettext_lazy("Identité douteuse")),
            ("fictive", gettext_lazy("Identité fictive")),
            ("homonym", gettext_lazy("Homonyme")),
        ],
    )
    on = forms.BooleanField(required=False)
    reason = _text(gettext_lazy("Motif"), 500, True)


class IdentifierForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Nature"), choices=PatientIdentifier.Kind.choices)
    system = _text(gettext_lazy("Organisme (OID ou adresse)"), 200)
    value = _text(gettext_lazy("Numéro"), 100, True)


class ContactForm(forms.Form):
    family = _text(gettext_lazy("Nom"), 100, True, autocomplete="off")
    given = _text(gettext_lazy("Prénom"), 100, autocomplete="off")
    relationship = forms.ChoiceField(
        label=gettext_lazy("Lien avec la personne"), choices=[("", ""), *Relationship.choices], required=False
    )
    is_emergency = forms.BooleanField(label=gettext_lazy("À prévenir en cas d’urgence"), required=False)
    is_trusted = forms.BooleanField(
        label=gettext_lazy("Personne de confiance"),
        help_text=gettext_lazy("Désignée par écrit par la personne elle-même ; une seule à la fois."),
        required=False,
    )
    is_carer = forms.BooleanField(label=gettext_lazy("Proche aidant"), required=False)
    is_legal_rep = forms.BooleanField(label=gettext_lazy("Représentant légal"), required=False)
    lives_with = forms.BooleanField(label=gettext_lazy("Vit avec la personne"), required=False)
    phone = _text(gettext_lazy("Téléphone"), 30, type="tel", autocomplete="off")
    phone_other = _text(gettext_lazy("Autre téléphone"), 30, type="tel", autocomplete="off")
    email = _text(gettext_lazy("Adresse électronique"), 254, type="email", autocomplete="off")
    address = _text(gettext_lazy("Adresse"), 300, autocomplete="off")
    note = _text(gettext_lazy("Précision (horaires, clés…)"), 500, autocomplete="off")
    replace_trusted = forms.BooleanField(required=False)

    @classmethod
    def of(cls, contact, *args, **kwargs):
        return cls(*args, initial={name: getattr(contact, name, None) for name in cls.base_fields}, **kwargs)

    def clean_phone(self):
        return _or_error(checked_phone, self.cleaned_data["phone"])

    def clean_phone_other(self):
        return _or_error(checked_phone, self.cleaned_data["phone_other"])

    def clean_email(self):
        return _or_error(checked_email, self.cleaned_data["email"])

    @property
    def roles(self) -> list[str]:
        return [name for name in ROLES if self.cleaned_data.get(name)]


class DoctorForm(forms.Form):
    """`practice_role` is chosen by the view's own search of the directory."""

    practice_role = forms.UUIDField(required=False, widget=forms.HiddenInput)
    external_name = _text(gettext_lazy("Nom, s’il n’est pas dans l’annuaire"), 200, autocomplete="off")
    external_place = _text(gettext_lazy("Commune"), 200, autocomplete="off")
    external_phone = _text(gettext_lazy("Téléphone"), 30, type="tel", autocomplete="off")
    is_none = forms.BooleanField(label=gettext_lazy("N’a pas de médecin traitant"), required=False)
    since = forms.DateField(label=gettext_lazy("Depuis le"), required=False)

    def clean_external_phone(self):
        return _or_error(checked_phone, self.cleaned_data["external_phone"])


class DeathForm(forms.Form):
    on = _text(
        gettext_lazy("Date du décès"),
        40,
        True,
        help=gettext_lazy("Le jour, ou le mois ou l’année s’il n’est pas connu."),
    )
    reason = _text(gettext_lazy("Source de l’information"), 500)

    def clean_on(self):
        return _or_error(dates.parse, self.cleaned_data["on"]).text


class DecisionForm(forms.Form):
    """Merge, un-merge, set apart: a motive, always."""

    reason = _text(gettext_lazy("Motif de la décision"), 500, True)
