"""The living style page, and the bell that follows the person's own topic."""

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from cercle.base.web import places
from cercle.base.web.states import STATES


class SampleForm(forms.Form):
    town = forms.CharField(label=_("Commune"))
    weight = forms.DecimalField(label=_("Poids"))
    born = forms.CharField(label=_("Date de naissance"))
    role = forms.ChoiceField(
        label=_("Profession"), choices=[("", _("Toutes les professions")), ("60", _("Infirmier"))], required=False
    )
    password = forms.CharField(
        label=_("Mot de passe"), widget=forms.PasswordInput, help_text=_("12 caractères au moins.")
    )
    channels = forms.MultipleChoiceField(
        label=_("Me prévenir par"),
        choices=[("web", _("Cercle")), ("mail", _("Courriel sans donnée personnelle"))],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    agreed = forms.BooleanField(label=_("La personne est informée"), required=False)

    def clean_born(self):
        raise forms.ValidationError(_("Le 31 février n’existe pas. Vérifiez le jour."))


PROFESSIONS = [
    ("EK", "med", _("médecin")), ("MT", "idel", _("infirmier, infirmière")),
    ("LP", "kine", _("masseur-kinésithérapeute")), ("AB", "pharm", _("pharmacien, pharmacienne")),
    ("SM", "sf", _("sage-femme")), ("AR", "ortho", _("orthophoniste, psychologue")),
    ("NL", "coord", _("coordination, travail social")), ("KR", "dom", _("aide et soins à domicile")),
    ("CA", "hosp", _("établissement de santé")), ("SL", "proche", _("personne, proche, tuteur")),
]  # fmt: skip
COLOURS = [
    ("action", _("Action, lien, page courante")), ("ink", _("Texte")), ("ink-2", _("Texte secondaire sur lin")),
    ("ink-3", _("Légende sur lin")), ("edge", _("Bord de champ")), ("focus", _("Anneau de focus")),
    ("urgent", _("Urgent, en retard, erreur")), ("watch", _("À surveiller, gardé ici")),
    ("done", _("Fait, lu, reçu, qualifié")), ("info", _("En cours, information")),
    ("wait", _("En attente, brouillon")), ("stay", _("Hospitalisé, établissement")),
]  # fmt: skip


def bell(request: HttpRequest) -> HttpResponse:
    return render(request, "web/bell.html")


def style(request: HttpRequest) -> HttpResponse:
    """Only where nothing real is kept."""
    is_demo = places.hook("demo")
    if not (settings.DEBUG or (is_demo and is_demo())):
        raise Http404
    form = SampleForm(
        {"town": "Pont-l’Abbé", "weight": "74.1", "born": "31/02/1941", "password": "x", "channels": ["web"]}
    )
    form.is_valid()
    return render(
        request,
        "web/style.html",
        {"form": form, "professions": PROFESSIONS, "colours": COLOURS, "states": STATES.keys(),
         "trend": [70.8, 71.0, 71.4, 72.2, 74.1], "sizes": [4, 8, 12, 16, 24, 32, 48]},
    )  # fmt: skip
