from django import forms
from django.utils.translation import gettext_lazy as _

from cercle.people.directory.models import Organization

from .models import Sender


class SettingsForm(forms.Form):
    processing = forms.ChoiceField(label=_("Données attendues (MSH-11)"), choices=Sender.Processing.choices)
    is_active = forms.BooleanField(label=_("Ses messages sont reçus"), required=False, initial=True)
    qualifies = forms.BooleanField(
        label=_("Une charte d’identitovigilance nous lie"),
        required=False,
        help_text=_("Les identités qu’il qualifie, pièce à l’appui (ZFD-7), sont alors qualifiées ici."),
    )
    joins_circles = forms.BooleanField(
        label=_("Ses mouvements sont montrés aux cercles"),
        required=False,
        initial=True,
        help_text=_("Son connecteur rejoint les cercles qui existent, sauf opposition de la personne."),
    )
    international = forms.BooleanField(label=_("Événements internationaux A08, A24 et A37 acceptés"), required=False)
    certificate = forms.CharField(
        label=_("Nom (CN) de son certificat client"), required=False, max_length=200,
        help_text=_("Vide : aucun certificat particulier n’est exigé."),
    )  # fmt: skip


class SenderForm(SettingsForm):
    application = forms.CharField(label=_("Application (MSH-3)"), max_length=180)
    facility = forms.CharField(label=_("Établissement (MSH-4)"), max_length=180)
    finess = forms.CharField(
        label=_("FINESS de l’établissement"), required=False, max_length=9,
        help_text=_("Pour rattacher ses séjours à l’établissement de l’annuaire."),
    )  # fmt: skip
    field_order = ("application", "facility", "finess")

    def clean_finess(self) -> Organization | None:
        said = self.cleaned_data["finess"].strip()
        if not said:
            return None
        found = Organization.objects.filter(finess=said).first()
        if found is None:
            raise forms.ValidationError(_("Aucun établissement de l’annuaire n’a ce numéro FINESS."))
        return found


class AsideForm(forms.Form):
    reason = forms.CharField(label=_("Motif"), max_length=500)
