from django import forms
from django.utils.translation import gettext_lazy as _

from cercle.people.directory import nomenclature
from cercle.people.directory.models import DirectoryReport

KM = [("0", _("Cette commune")), ("5", _("à 5 km")), ("10", _("à 10 km")), ("20", _("à 20 km")), ("50", _("à 50 km"))]


class SearchForm(forms.Form):
    what = forms.ChoiceField(
        choices=[("people", _("Personnes")), ("structures", _("Structures"))], required=False, initial="people"
    )
    q = forms.CharField(label=_("Nom"), max_length=100, required=False)
    profession = forms.ChoiceField(label=_("Profession"), required=False)
    specialty = forms.ChoiceField(label=_("Spécialité"), required=False)
    kind = forms.ChoiceField(label=_("Type de structure"), required=False)
    commune = forms.CharField(label=_("Commune ou code postal"), max_length=80, required=False)
    km = forms.ChoiceField(label=_("Distance"), choices=KM, required=False)

    def __init__(self, *args, specialties=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["profession"].choices = [("", _("Toutes")), *nomenclature.profession_choices()]
        self.fields["specialty"].choices = [("", _("Toutes")), *specialties]
        self.fields["kind"].choices = [("", _("Tous")), *nomenclature.KIND_LABELS.items()]

    def clean(self):
        found = super().clean()
        return {**found, "what": found.get("what") or "people", "km": int(found.get("km") or 0)}


class ReportForm(forms.Form):
    field = forms.ChoiceField(label=_("Qu’est-ce qui est faux ?"), choices=DirectoryReport.Field)
    proposed = forms.CharField(
        label=_("Ce qu’il faudrait lire"), max_length=254, required=False, help_text=_("Par exemple le bon numéro.")
    )
    text = forms.CharField(
        label=_("Ce que vous avez constaté"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def clean(self):
        found = super().clean()
        if not (found.get("proposed") or found.get("text")):
            raise forms.ValidationError(_("Dites ce qui est faux, ou ce qu’il faudrait lire."))
        return found


class AnswerForm(forms.Form):
    status = forms.ChoiceField(
        label=_("Suite donnée"),
        choices=[(s.value, s.label) for s in DirectoryReport.Status if s != DirectoryReport.Status.OPEN],
    )
    value = forms.CharField(label=_("Nouvelle valeur dans l’annuaire"), max_length=254, required=False)
    answer = forms.CharField(
        label=_("Réponse à la personne"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Nom de l’équipe"), max_length=120)
