"""What is typed about the circle; sentences of refusal come from the actions."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .vocabulary import Category, Form, LegalGround

GROUNDS = [
    (LegalGround.RECOGNISED, _("La personne le reconnaît comme membre de son équipe de soins")),
    (LegalGround.ESTABLISHMENT, _("Même établissement, ou structure de coordination (DAC, CPTS…)")),
    (LegalGround.ORGANISED, _("Groupe organisé selon un cahier des charges (MSP, équipe mobile…)")),
    (LegalGround.CONSENT, _("Hors équipe de soins : la personne donne son consentement aujourd’hui")),
]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs):
        super().__init__(format="%Y-%m-%d", **kwargs)


class AddForm(forms.Form):
    """`who`: "role:<id>", "team:<id>" or "contact:<id>", as the search lists them."""

    who = forms.RegexField(
        r"^(role|team|contact):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        error_messages={"required": _("Choisissez quelqu’un dans la liste.")},
    )
    ground = forms.ChoiceField(label=_("Pourquoi cette personne participe"), choices=GROUNDS, required=False)
    role = forms.CharField(label=_("Rôle dans le cercle"), max_length=120, required=False)
    until = forms.DateField(label=_("Jusqu’au"), required=False, widget=DateInput())
    consent_form = forms.ChoiceField(label=_("Consentement donné"), choices=Form.choices, required=False)

    def clean_until(self):
        until = self.cleaned_data["until"]
        if until and until < timezone.localdate():
            raise forms.ValidationError(_("Cette date est déjà passée."))
        return until


class ConsentForm(forms.Form):
    flow = forms.ChoiceField(
        label=_("Ce qui a été fait"),
        choices=[
            ("information", _("Information : la personne sait que son équipe partage, et qu’elle peut s’opposer")),
            ("consent", _("Consentement : elle accepte un partage hors de son équipe de soins")),
        ],
    )
    given_by = forms.ChoiceField(
        label=_("Par qui"),
        choices=[
            ("person", _("La personne")),
            ("legal_rep", _("Son représentant légal")),
            ("trusted", _("La personne de confiance")),
        ],
    )
    form = forms.ChoiceField(label=_("Comment"), choices=Form.choices)
    given_on = forms.DateField(label=_("Le"), widget=DateInput(), initial=timezone.localdate)
    scope = forms.CharField(label=_("Avec qui, pour quoi"), max_length=400, required=False)

    def clean_given_on(self):
        day = self.cleaned_data["given_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Cette date est dans le futur."))
        if day < timezone.localdate() - timedelta(days=365 * 20):
            raise forms.ValidationError(_("Cette date est trop ancienne : vérifiez l’année."))
        return day


class OppositionForm(forms.Form):
    """`about`: "member:<id>", "practitioner:<id>", "organization:<id>" or "profession:<system>:<code>"."""

    about = forms.ChoiceField(label=_("À qui la personne s’oppose"))
    category = forms.ChoiceField(
        label=_("Ce qu’elle ne veut pas partager"),
        choices=[("", _("Tout le dossier")), *Category.choices],
        required=False,
    )
    said_by = forms.ChoiceField(
        label=_("Dit par"), choices=[("person", _("La personne")), ("legal_rep", _("Son représentant légal"))]
    )
    said_on = forms.DateField(label=_("Le"), widget=DateInput(), initial=timezone.localdate)
    reason = forms.CharField(label=_("Précision"), max_length=400, required=False)

    def __init__(self, *args, choices=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["about"].choices = choices


class BreakGlassForm(forms.Form):
    """The full identity is typed: nothing is searched by halves."""

    family = forms.CharField(label=_("Nom de naissance"), max_length=100)
    given = forms.CharField(label=_("Premier prénom"), max_length=100)
    birth_date = forms.CharField(label=_("Date de naissance"), max_length=20, help_text=_("jj/mm/aaaa"))
    reason = forms.CharField(
        label=_("Pourquoi cette urgence"), max_length=1000, min_length=15, widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"min_length": _("Écrivez la raison en une phrase : elle sera lue et examinée.")},
        help_text=_("Elle sera lue par le responsable du cercle et par la personne."),
    )  # fmt: skip
