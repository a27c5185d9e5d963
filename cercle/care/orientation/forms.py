from datetime import date
from uuid import uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.errors import Refused
from cercle.people.directory.models import Commune, Organization
from cercle.people.patients.traits import CivilTraits

from .vocabulary import AskerKind, Channel, Doctor, How, Level, Reason, Reply, Urgency

SEXES = (("", _("non précisé")), ("F", _("féminin")), ("M", _("masculin")))
DATE = {"widget": forms.DateInput(attrs={"type": "date"})}


def text(label, rows=3, required=True, **more):
    return forms.CharField(
        label=label, required=required, max_length=20_000, widget=forms.Textarea(attrs={"rows": rows}), **more
    )


def short(label, longest=100, required=False, **more):
    return forms.CharField(label=label, required=required, max_length=longest, **more)


class PersonMixin(forms.Form):
    person_family = short(_("Nom de la personne"))
    person_given = short(_("Prénom"))
    person_birth_date = short(_("Date de naissance"), 10)
    person_sex = forms.ChoiceField(label=_("Sexe"), choices=SEXES, required=False)
    commune_label = short(_("Commune"), 80)

    def clean(self):
        data = super().clean()
        family, given = data.get("person_family"), data.get("person_given")
        self.traits = None
        if family and data.get("person_birth_date"):
            try:
                self.traits = CivilTraits.read(
                    birth_family=family,
                    birth_given=given or "",
                    birth_date=data["person_birth_date"],
                    sex=data.get("person_sex") or "U",
                )
            except Refused as refusal:
                self.add_error("person_birth_date", str(refusal.message))
        found = (
            Commune.objects.filter(name__iexact=data.get("commune_label") or "\x01".strip("\x01")).first()
            if data.get("commune_label")
            else None
        )
        data["commune_code"] = found.code if found else ""
        return data

    def person(self) -> dict:
        names = ("person_family", "person_given", "person_birth_date", "person_sex")
        found = {k: self.cleaned_data.get(k, "") for k in names}
        if self.traits:
            found["person_birth_date"] = self.traits.birth.text
        return found


class RequestForm(PersonMixin):
    """The phone entry, in the order in which one talks."""

    ref = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    channel = forms.ChoiceField(
        label=_("Arrivée par"),
        choices=[c for c in Channel.choices if c[0] in {"phone", "mail", "visit"}],
        initial="phone",
    )
    asker_kind = forms.ChoiceField(label=_("Qui demande ?"), choices=AskerKind.choices)
    asker_name = short(_("Nom du demandeur"), 160, required=True)
    asker_detail = short(_("Structure ou lien"), 160)
    asker_phone = short(_("Téléphone pour rappeler"), 30)
    reason_text = text(_("La demande, avec ses mots"), 4)
    reason = forms.ChoiceField(label=_("Motif principal"), choices=Reason.choices)
    urgency = forms.TypedChoiceField(label=_("Urgence"), choices=Urgency.choices, coerce=int, initial=0)
    level = forms.TypedChoiceField(
        label=_("Niveau"),
        choices=[("", _("à déterminer")), *Level.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    doctor_informed = forms.ChoiceField(
        label=_("Médecin traitant informé ?"), choices=[("", _("non demandé")), *Doctor.choices], required=False
    )
    person_informed_on = forms.DateField(label=_("Personne informée le"), required=False, **DATE)

    field_order = ("ref", "channel", "asker_kind", "asker_name", "asker_detail", "asker_phone", "reason_text", "reason", "urgency",
                   "person_family", "person_given", "person_birth_date", "person_sex", "commune_label", "level", "doctor_informed",
                   "person_informed_on")  # fmt: skip

    def clean_person_informed_on(self):
        day = self.cleaned_data["person_informed_on"]
        if day and day > timezone.localdate():
            raise forms.ValidationError(_("Cette date est dans le futur."))
        return day


class PublicForm(PersonMixin):
    ref = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    asker_name = short(_("Votre nom"), 160, required=True)
    asker_phone = short(_("Votre téléphone"), 30)
    asker_email = forms.EmailField(label=_("Votre adresse e-mail"), required=False)
    reason = forms.ChoiceField(label=_("Votre demande concerne surtout"), choices=Reason.choices)
    reason_text = text(_("Que se passe-t-il, et qu’attendez-vous ?"), 5)

    def clean(self):
        data = super().clean()
        if not (data.get("asker_phone") or data.get("asker_email")):
            self.add_error("asker_phone", _("Laissez un téléphone ou une adresse : nous vous répondrons."))
        return data


class PatientForm(PublicForm):
    asker_kind = forms.ChoiceField(
        label=_("Vous êtes"),
        choices=[
            ("person", _("la personne concernée")),
            ("relative", _("un proche, un aidant")),
            ("other", _("quelqu’un d’autre")),
        ],
    )
    field_order = ("ref", "asker_kind", "asker_name", "asker_phone", "asker_email", "reason_text", "reason")


class ProfessionalForm(PublicForm):
    asker_detail = short(_("Votre profession et votre structure"), 160, required=True)
    urgency = forms.TypedChoiceField(label=_("Urgence"), choices=Urgency.choices, coerce=int, initial=0)
    doctor_informed = forms.ChoiceField(
        label=_("Médecin traitant informé ?"), choices=[("", _("je ne sais pas")), *Doctor.choices], required=False
    )
    told = forms.BooleanField(label=_("La personne sait que je fais cette demande"), required=False)
    field_order = (
        "ref",
        "asker_name",
        "asker_detail",
        "asker_phone",
        "asker_email",
        "reason_text",
        "reason",
        "urgency",
    )

    def clean(self):
        data = super().clean()
        if data.get("person_family") and not data.get("told"):
            self.add_error(
                "told",
                _(
                    "Informez d’abord la personne, ou laissez son nom vide : nous pouvons vous conseiller sans le connaître."
                ),
            )
        return data


class TextForm(forms.Form):
    text = text(_("En une phrase"))

    def __init__(self, *args, label="", initial_text="", **kwargs):
        super().__init__(*args, **kwargs)
        if label:
            self.fields["text"].label = label
        if initial_text:
            self.fields["text"].initial = initial_text


class AnswerForm(forms.Form):
    how = forms.ChoiceField(label=_("Comment avez-vous répondu ?"), choices=How.choices)
    text = text(_("Ce que vous avez répondu"), 4)
    ref_version = forms.IntegerField(widget=forms.HiddenInput)


class NameForm(forms.Form):
    family = short(_("Nom de naissance"), required=True)
    given = short(_("Prénom"), required=True)
    birth_date = short(_("Date de naissance"), 10, required=True)
    sex = forms.ChoiceField(label=_("Sexe"), choices=SEXES[1:])
    phone = short(_("Téléphone"), 30)
    informed_on = forms.DateField(label=_("Personne informée le"), initial=timezone.localdate, **DATE)


class SolicitForm(forms.Form):
    what = short(_("Ce qui est demandé"), 200, required=True)
    resource_name = short(_("À qui"), 200, required=True)
    finess = short(_("Numéro FINESS (si connu)"), 9)

    def organization(self):
        number = self.cleaned_data.get("finess")
        return Organization.objects.filter(finess=number).first() if number else None


class ReplyForm(forms.Form):
    state = forms.ChoiceField(label=_("Réponse"), choices=Reply.choices)
    answer = text(_("Ce qu’ils ont répondu"), 3, required=False)


class AcceptForm(forms.Form):
    referent = forms.ModelChoiceField(label=_("Référent"), queryset=None)
    level = forms.TypedChoiceField(label=_("Niveau"), choices=Level.choices, coerce=int, initial=2)
    informed_on = forms.DateField(label=_("Personne informée le"), initial=timezone.localdate, **DATE)
    patient = forms.ChoiceField(label=_("Dossier"), required=False)

    def __init__(self, *args, roles, known=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["referent"].queryset = roles
        self.fields["referent"].label_from_instance = lambda r: r.practitioner.display_name
        if known:
            self.fields["patient"].choices = [
                ("", _("nouvelle personne")),
                *((str(p.pk), p.identity.full_name) for p in known),
            ]
        else:
            del self.fields["patient"]


class AssignForm(forms.Form):
    role = forms.ModelChoiceField(
        label=_("À qui"), queryset=None, required=False, empty_label=_("selon le territoire et la charge")
    )

    def __init__(self, *args, roles, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].queryset = roles
        self.fields["role"].label_from_instance = lambda r: r.practitioner.display_name


class DoctorForm(forms.Form):
    informed = forms.ChoiceField(label=_("Médecin traitant informé ?"), choices=Doctor.choices)
    on = forms.DateField(label=_("Le"), required=False, **DATE)


class CallForm(forms.Form):
    asker_kind = forms.ChoiceField(label=_("Qui appelait ?"), choices=AskerKind.choices)
    topic_code = forms.ChoiceField(label=_("À quel sujet ?"), choices=Reason.choices)
    minutes = forms.IntegerField(label=_("Durée en minutes"), min_value=1, max_value=480, initial=5)
    text = text(_("Ce qui a été dit (sans nom)"), 2, required=False)


class AskForm(forms.Form):
    ref = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    organization = forms.ModelChoiceField(label=_("Dispositif d’appui"), queryset=None)
    reason = forms.ChoiceField(label=_("Motif principal"), choices=Reason.choices)
    reason_text = text(_("Ce que vous demandez"), 4)
    urgency = forms.TypedChoiceField(label=_("Urgence"), choices=Urgency.choices, coerce=int, initial=0)
    informed_on = forms.DateField(label=_("Personne informée de cette demande le"), initial=timezone.localdate, **DATE)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organization"].queryset = Organization.objects.filter(category="606", closed_on=None).order_by(
            "sort"
        )
        self.fields["organization"].label_from_instance = lambda o: o.display_name


class SettingForm(forms.Form):
    normal = forms.IntegerField(label=_("Demande normale, en heures d’ouverture"), min_value=1, max_value=400)
    soon = forms.IntegerField(label=_("Demande rapide"), min_value=1, max_value=400)
    urgent = forms.IntegerField(label=_("Demande urgente"), min_value=1, max_value=400)
    closed_days = short(_("Jours de fermeture (AAAA-MM-JJ, séparés par des espaces)"), 2000)
    alsace_moselle = forms.BooleanField(label=_("Jours fériés d’Alsace-Moselle"), required=False)
    public_form = forms.BooleanField(label=_("Formulaires publics ouverts"), required=False)

    def clean_closed_days(self):
        try:
            return sorted({date.fromisoformat(d) for d in self.cleaned_data["closed_days"].split()})
        except ValueError as error:
            raise forms.ValidationError(_("Écrivez les jours comme 2026-12-24.")) from error


class RateForm(forms.Form):
    mark = forms.TypedChoiceField(
        label=_("Cette réponse vous a-t-elle aidé ?"),
        coerce=int,
        choices=[(4, _("oui, tout à fait")), (3, _("plutôt oui")), (2, _("plutôt non")), (1, _("non"))],
    )
    text = text(_("Un mot, si vous voulez"), 2, required=False)
