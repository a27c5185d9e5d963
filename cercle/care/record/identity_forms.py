"""Forms of the « Dossier »: those of identity, with places chosen by name, and those of « L’essentiel »."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.circles.vocabulary import Form
from cercle.people.patients import forms as identity
from cercle.people.patients.models import Identity

from . import birthplaces


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs):
        super().__init__(format="%Y-%m-%d", **kwargs)


class PlaceByName(forms.Form):
    """The birth place is one field, « Quimper (29232) »; its code follows."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        place, code = self.fields["birth_place_label"], self.fields["birth_place_code"]
        place.label = gettext_lazy("Lieu de naissance")
        place.widget.attrs["list"] = "birth-places"
        place.help_text = gettext_lazy("Commune, ou pays pour une naissance à l’étranger. Choisissez dans la liste.")
        code.widget = forms.HiddenInput()
        code.required = False
        label = self.initial.get("birth_place_label")
        if label:
            self.initial["birth_place_label"] = birthplaces.shown(self.initial.get("birth_place_code", ""), label)

    def clean_birth_place_label(self):
        typed = " ".join(self.cleaned_data["birth_place_label"].split())
        self._place_code = ""
        if not typed:
            return ""
        found = birthplaces.read(typed)
        if found is None:
            raise forms.ValidationError(
                _("Ce lieu n’est pas reconnu. Choisissez-le dans la liste, ou laissez vide s’il n’est pas connu."),
                code="place",
            )
        self._place_code, name = found
        return name

    def clean_birth_place_code(self):
        return getattr(self, "_place_code", "")


class ResidenceByName(forms.Form):
    def clean_commune_code(self):
        return birthplaces.commune_code(
            self.cleaned_data.get("commune_label", ""), self.cleaned_data.get("postal_code", "")
        )


class ChangeForm(PlaceByName, identity.ChangeForm):
    pass


class CoordinatesForm(ResidenceByName, identity.CoordinatesForm):
    pass


class NewPatientForm(PlaceByName, ResidenceByName, identity.IdentityForm):
    ref = forms.UUIDField(widget=forms.HiddenInput)
    informed_by = forms.ChoiceField(
        label=gettext_lazy("Qui a été informé"),
        choices=[
            ("person", gettext_lazy("La personne elle-même")),
            ("legal_rep", gettext_lazy("Son représentant légal")),
            ("trusted", gettext_lazy("Sa personne de confiance")),
        ],
        initial="person",
    )
    informed_form = forms.ChoiceField(label=gettext_lazy("Comment"), choices=Form.choices, initial=Form.ORAL)
    informed_on = forms.DateField(
        label=gettext_lazy("Le"), widget=DayInput(), initial=timezone.localdate,
        error_messages={"required": gettext_lazy("Indiquez le jour où la personne a été informée.")},
    )  # fmt: skip

    # The rows that `PlaceByName` changes must be cleaned name first.
    field_order = [*identity.IdentityForm.field_order, "informed_by", "informed_form", "informed_on", "ref"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        missing = {
            "birth_family": gettext_lazy("Indiquez le nom de naissance."),
            "birth_given": gettext_lazy("Indiquez le premier prénom de naissance."),
            "birth_date": gettext_lazy("Indiquez la date de naissance, ou ce qui en est connu."),
            "sex": gettext_lazy("Indiquez le sexe de l’état civil."),
        }
        for name, words in missing.items():
            self.fields[name].error_messages["required"] = words

    def clean_informed_on(self):
        day = self.cleaned_data["informed_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Cette date est dans le futur."))
        if day < timezone.localdate() - timedelta(days=365 * 20):
            raise forms.ValidationError(_("Cette date est trop ancienne : vérifiez l’année."))
        return day


class EssentialForm(forms.Form):
    label = forms.CharField(label=gettext_lazy("De quoi s’agit-il ?"), max_length=200, required=False)
    code = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    detail = forms.CharField(
        label=gettext_lazy("Précision"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    since = forms.CharField(
        label=gettext_lazy("Depuis"), max_length=10, required=False,
        help_text=gettext_lazy("Un jour, un mois ou une année : 12/04/2019, 04/2019, 2019."),
    )  # fmt: skip

    def clean_since(self):
        typed = self.cleaned_data["since"]
        if typed:
            try:
                return dates.parse(typed).text
            except Refused as refused:
                raise forms.ValidationError(refused.message, code=refused.code) from None
        return ""


class EndForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Pourquoi"), max_length=300, required=False)


class SurvivorForm(forms.Form):
    """Which of the two files stays."""

    survivor = forms.UUIDField(error_messages={"required": gettext_lazy("Choisissez la fiche à conserver.")})
    reason = forms.CharField(
        label=gettext_lazy("Motif de la décision"), max_length=500,
        error_messages={"required": gettext_lazy("Indiquez le motif : il reste dans l’historique.")},
    )  # fmt: skip


STATUS_WORDS = {
    Identity.Status.PROV: gettext_lazy("Saisie, pas encore contrôlée"),
    Identity.Status.VALI: gettext_lazy("Contrôlée sur une pièce d’identité, sans INS"),
    Identity.Status.RECUP: gettext_lazy("INS récupéré, pièce d’identité à voir"),
    Identity.Status.QUAL: gettext_lazy("INS récupéré et pièce d’identité contrôlée"),
}
