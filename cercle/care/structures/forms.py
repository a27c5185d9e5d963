from django import forms
from django.utils.translation import gettext_lazy as _

from cercle.people.directory.models import Commune, Organization, Team

from .models import PartnerKind

DAYS = [_("Lundi"), _("Mardi"), _("Mercredi"), _("Jeudi"), _("Vendredi"), _("Samedi"), _("Dimanche")]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self):
        super().__init__(format="%Y-%m-%d")


class OneOfSeveral(forms.Form):
    """Several forms share a page: each names its fields apart, so that a label leads to its own."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("auto_id", f"{type(self).__name__.removesuffix('Form').lower()}-%s")
        super().__init__(*args, **kwargs)


class InfoForm(OneOfSeveral):
    presentation = forms.CharField(
        label=_("Présentation"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Ce que fait la structure, pour qui, comment la joindre."),
    )  # fmt: skip
    hours_note = forms.CharField(
        label=_("Précision sur les horaires"), max_length=300, required=False, help_text=_("Par exemple les fermetures annuelles.")
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for day, word in enumerate(DAYS):
            self.fields[f"day{day}"] = forms.CharField(label=word, max_length=80, required=False)
        self.fields["day0"].help_text = _("Par exemple : 9h-12h30, 14h-17h. Vide : fermé.")

    @property
    def days(self):
        return [self[f"day{day}"] for day in range(7)]


class LogoForm(OneOfSeveral):
    logo = forms.FileField(label=_("Image PNG ou JPEG"))


class RoomForm(OneOfSeveral):
    name = forms.CharField(label=_("Nom de la salle"), max_length=120)
    seats = forms.IntegerField(label=_("Places"), min_value=1, max_value=2000, required=False)
    note = forms.CharField(label=_("Précision"), max_length=300, required=False)


class PartnerForm(OneOfSeveral):
    name = forms.CharField(label=_("Avec qui"), max_length=200)
    kind = forms.ChoiceField(label=_("Nature"), choices=PartnerKind)
    subject = forms.CharField(label=_("Objet"), max_length=300, required=False)
    contact = forms.CharField(label=_("Interlocuteur"), max_length=200, required=False)
    from_on = forms.DateField(label=_("Depuis le"), required=False, widget=DateInput)
    until_on = forms.DateField(label=_("Jusqu’au"), required=False, widget=DateInput)


class DocumentForm(OneOfSeveral):
    title = forms.CharField(label=_("Titre"), max_length=200)
    file = forms.FileField(label=_("Fichier"))


class TeamField(forms.ModelChoiceField):
    def __init__(self, **kwargs):
        super().__init__(Team.objects.none(), **kwargs)


class CommunesForm(OneOfSeveral):
    team = TeamField(label=_("Équipe"))
    communes = forms.CharField(
        label=_("Communes"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Une par ligne : code, nom avec département « Plomelin (29) », ou un département entier « 29 »."),
    )  # fmt: skip

    def __init__(self, *args, organization: Organization, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = organization.teams.open().order_by("name")


class CoverForm(OneOfSeveral):
    team = TeamField(label=_("Équipe absente"))
    covered_by = TeamField(label=_("Remplacée par"))
    from_on = forms.DateField(label=_("Du"), widget=DateInput)
    until_on = forms.DateField(label=_("Au"), widget=DateInput)
    reason = forms.CharField(label=_("Motif"), max_length=200, required=False)

    def __init__(self, *args, organization: Organization, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("team", "covered_by"):
            self.fields[name].queryset = organization.teams.open().order_by("name")


class TeamForm(OneOfSeveral):
    name = forms.CharField(label=_("Nom de l’équipe"), max_length=120)


class OpenStructureForm(OneOfSeveral):
    finess = forms.RegexField(
        r"^([0-9]{9}|2[ABab][0-9]{7})$", label=_("Numéro FINESS"), required=False,
        help_text=_("Une structure que l’annuaire connaît est reprise telle quelle."),
    )  # fmt: skip
    name = forms.CharField(label=_("Nom de la structure"), max_length=200, required=False)
    commune = forms.CharField(label=_("Commune"), max_length=80, required=False)
    phone = forms.CharField(label=_("Téléphone"), max_length=30, required=False)
    email = forms.EmailField(label=_("Adresse électronique"), required=False)
    team = forms.CharField(label=_("Première équipe"), max_length=120, required=False)
    admin_first_name = forms.CharField(label=_("Prénom"), max_length=120)
    admin_last_name = forms.CharField(label=_("Nom"), max_length=120)
    admin_email = forms.EmailField(label=_("Adresse électronique professionnelle"))

    def clean_commune(self):
        text = self.cleaned_data["commune"]
        if not text:
            return None
        found = Commune.objects.find(text)
        if not found:
            raise forms.ValidationError(_("Aucune commune de ce nom."))
        return found[0]

    def clean(self):
        found = super().clean()
        finess = (found.get("finess") or "").upper()
        known = bool(finess) and Organization.objects.filter(finess=finess).exists()
        if not known and not found.get("name"):
            self.add_error("name", _("Donnez un nom, ou le numéro FINESS d’une structure de l’annuaire."))
        if finess and not known and found.get("name") is not None and not found.get("commune"):
            self.add_error("commune", _("L’annuaire ne connaît pas ce numéro : indiquez la commune."))
        return {**found, "finess": finess}
