import re
from datetime import date, timedelta
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Commune, Organization, PracticeRole
from cercle.people.patients.traits import CivilTraits

from .vocabulary import AskerKind, Channel, Doctor, How, Kind, Level, Reason, Reply, Urgency

SEXES = (("", _("non précisé")), ("F", _("féminin")), ("M", _("masculin")))
DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


def text(label, rows=3, required=True, **more):
    return forms.CharField(
        label=label, required=required, max_length=20_000, widget=forms.Textarea(attrs={"rows": rows}), **more
    )


def short(label, longest=100, required=False, help_text="", **attrs):
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=required, max_length=longest, help_text=help_text, widget=widget)


class PersonMixin(forms.Form):
    person_family = short(_("Nom de la personne"), autocomplete="off")
    person_given = short(_("Prénom"), autocomplete="off")
    person_birth_date = short(_("Date de naissance"), 10, autocomplete="off", placeholder="02/05/1946")
    person_sex = forms.ChoiceField(label=_("Sexe"), choices=SEXES, required=False)
    commune_label = short(_("Commune"), 80, autocomplete="off")

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
        elif not family and (given or data.get("person_birth_date")):
            self.add_error("person_family", _("Donnez aussi son nom, ou laissez tout vide : la demande sera anonyme."))
        data["commune_code"] = code_of(data.get("commune_label", ""))
        return data

    def person(self) -> dict:
        names = ("person_family", "person_given", "person_birth_date", "person_sex")
        found = {k: self.cleaned_data.get(k, "") for k in names}
        if self.traits:
            found["person_birth_date"] = self.traits.birth.text
        return found


def code_of(label: str) -> str:
    """INSEE code of a commune typed by its name or its postal code; "" when nothing is called so."""
    found = Commune.objects.find(label, limit=1)
    whole = found and (label.strip().isdigit() or name_key(found[0].name) == name_key(label))
    return found[0].code if whole else ""


class RequestForm(PersonMixin):
    """The phone entry, in the order in which one talks."""

    ref = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    channel = forms.ChoiceField(
        label=_("Arrivée par"),
        choices=[c for c in Channel.choices if c[0] in {"phone", "mail", "visit"}],
        initial="phone",
    )
    received_at = forms.DateTimeField(
        label=_("Reçue le"), required=False, help_text=_("Vide : maintenant."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    asker_kind = forms.ChoiceField(label=_("Qui demande ?"), choices=AskerKind.choices)
    asker_name = short(_("Nom du demandeur"), 160, required=True, autocomplete="off")
    asker_detail = short(_("Structure ou lien"), 160, autocomplete="off")
    asker_phone = short(_("Téléphone pour rappeler"), 30, autocomplete="off", inputmode="tel")
    reason_text = text(_("La demande, avec ses mots"), 4)
    kind = forms.ChoiceField(label=_("Ce qu’on attend"), choices=Kind.choices, initial=Kind.SUPPORT)
    reason = forms.ChoiceField(label=_("Motif principal"), choices=Reason.choices)
    urgency = forms.TypedChoiceField(label=_("Urgence"), choices=Urgency.choices, coerce=int, initial=0)
    level = forms.TypedChoiceField(
        label=_("Niveau"),
        choices=[("", _("à déterminer")), *Level.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    person_informed_on = forms.DateField(label=_("Personne informée le"), required=False, **DATE)
    doctor_informed = forms.ChoiceField(
        label=_("Médecin traitant informé ?"), choices=[("", _("non demandé")), *Doctor.choices], required=False
    )
    doctor_informed_on = forms.DateField(label=_("Informé le"), required=False, **DATE)
    who_knows = short(_("Qui d’autre est au courant ?"), 160, autocomplete="off")

    def clean_received_at(self):
        at = self.cleaned_data["received_at"]
        if at and at > timezone.now():
            raise forms.ValidationError(_("Cette date est dans le futur."))
        return at

    def clean_person_informed_on(self):
        return past(self.cleaned_data["person_informed_on"])

    def clean_doctor_informed_on(self):
        return past(self.cleaned_data["doctor_informed_on"])


def past(day):
    if day and day > timezone.localdate():
        raise forms.ValidationError(_("Cette date est dans le futur."))
    return day


class PublicForm(PersonMixin):
    ref = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    asker_name = short(_("Votre nom"), 160, required=True, autocomplete="name")
    asker_phone = short(_("Votre téléphone"), 30, autocomplete="tel", inputmode="tel")
    asker_email = forms.EmailField(label=_("Votre adresse e-mail"), required=False)
    reason = forms.ChoiceField(label=_("Votre demande concerne surtout"), choices=Reason.choices)
    reason_text = text(_("Que se passe-t-il, et qu’attendez-vous ?"), 5)

    def clean(self):
        data = super().clean()
        if not (data.get("asker_phone") or data.get("asker_email")):
            self.add_error("asker_phone", _("Laissez un téléphone ou une adresse : nous vous répondrons."))
        return data


class PatientForm(PublicForm):
    told = forms.BooleanField(label=_("La personne sait que je fais cette demande"), required=False)
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

    def __init__(self, *args, label="", required=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].required = required
        if label:
            self.fields["text"].label = label


class HowMixin(forms.Form):
    """A decision, and whether the asker has been told it already: then nothing is left to do."""

    how = forms.ChoiceField(label=_("Le demandeur le sait déjà ?"), required=False)

    def __init__(self, *args, answered: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        nothing = _("une réponse lui a été donnée") if answered else _("pas encore : je lui répondrai ensuite")
        self.fields["how"].choices = [("", nothing), *((k, _("oui, %(how)s") % {"how": v}) for k, v in How.choices)]


class DecisionForm(HowMixin):
    text = text(_("En une phrase"))
    field_order = ("text", "how")

    def __init__(self, *args, label="", **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].label = label


class AnswerForm(forms.Form):
    how = forms.ChoiceField(label=_("Comment avez-vous répondu ?"), choices=How.choices)
    text = text(_("Ce que vous avez répondu"), 4)


class NameForm(forms.Form):
    family = short(_("Nom de naissance"), required=True)
    given = short(_("Prénom"), required=True)
    birth_date = short(_("Date de naissance"), 10, required=True)
    sex = forms.ChoiceField(label=_("Sexe"), choices=SEXES[1:])
    phone = short(_("Téléphone"), 30)
    informed_on = forms.DateField(label=_("Personne informée le"), initial=timezone.localdate, **DATE)


class SolicitForm(forms.Form):
    what = short(_("Ce qui est demandé"), 200, required=True, autocomplete="off")
    resource_name = short(
        _("À qui"), 200, required=True, autocomplete="off",
        help_text=_("Un nom de l’annuaire, ou n’importe qui d’autre."),
    )  # fmt: skip
    # "organization:<id>" or "role:<id>"
    pick = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)

    def clean_pick(self):
        """The row of the directory that was chosen under the field; None when it is someone it does not know."""
        kind, _colon, pk = self.cleaned_data["pick"].partition(":")
        rows = {"organization": Organization.objects.all(), "role": PracticeRole.objects.with_names().open()}.get(kind)
        try:
            return rows.filter(pk=UUID(pk)).first() if rows is not None else None
        except ValueError:
            return None


class ReplyForm(forms.Form):
    state = forms.ChoiceField(label=_("Réponse"), choices=Reply.choices)
    answer = text(_("Ce qu’ils ont répondu"), 3, required=False)


class AcceptForm(HowMixin):
    referent = forms.ModelChoiceField(label=_("Référent"), queryset=None)
    level = forms.TypedChoiceField(label=_("Niveau"), choices=Level.choices, coerce=int, initial=2)
    informed_on = forms.DateField(label=_("Personne informée le"), initial=timezone.localdate, **DATE)
    patient = forms.ChoiceField(label=_("Dossier"), required=False)
    answer = text(_("Réponse au demandeur"), 2, required=False)
    field_order = ("patient", "referent", "level", "informed_on", "answer", "how")

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
    """To whom: a coordinator, a team, or whoever the territory and the load say."""

    to = forms.ChoiceField(label=_("À qui"), required=False)

    def __init__(self, *args, whom, **kwargs):
        super().__init__(*args, **kwargs)
        self.whom = whom
        self.fields["to"].choices = [("", _("selon le territoire et la charge")), *((k, w[0]) for k, w in whom.items())]

    def clean_to(self) -> dict:
        """What the verb takes: {}, {"role": …} or {"team": …}."""
        chosen = self.whom.get(self.cleaned_data["to"])
        return chosen[1] if chosen else {}


class DoctorForm(forms.Form):
    informed = forms.ChoiceField(label=_("Médecin traitant informé ?"), choices=Doctor.choices)
    on = forms.DateField(label=_("Le"), required=False, **DATE)

    def clean_on(self):
        return past(self.cleaned_data["on"])


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
        organizations = self.fields["organization"]
        organizations.queryset = Organization.objects.filter(category=DAC, closed_on=None).order_by("sort")
        organizations.label_from_instance = lambda o: o.display_name


LONGEST_CLOSURE = 62  # days


class SettingForm(forms.Form):
    normal = forms.IntegerField(label=_("Demande normale"), min_value=1, max_value=400)
    soon = forms.IntegerField(label=_("Demande rapide"), min_value=1, max_value=400)
    urgent = forms.IntegerField(label=_("Demande urgente"), min_value=1, max_value=400)
    closed_days = text(
        _("Jours de fermeture"), 4, required=False,
        help_text=_("Un par ligne : 24/12/2026, ou du premier au dernier : 24/12/2026 au 31/12/2026."),
    )  # fmt: skip
    alsace_moselle = forms.BooleanField(label=_("Jours fériés d’Alsace-Moselle"), required=False)
    public_form = forms.BooleanField(label=_("Formulaires publics ouverts"), required=False)

    def clean_closed_days(self) -> list[date]:
        found: set[date] = set()
        for line in filter(None, map(str.strip, self.cleaned_data["closed_days"].splitlines())):
            ends = [_day(word) for word in re.split(r"\s*(?:au|[-–])\s*", line, maxsplit=1)]
            first, last = ends[0], ends[-1]
            if not 0 <= (last - first).days < LONGEST_CLOSURE:
                raise forms.ValidationError(
                    _("« %(line)s » : du premier au dernier jour, deux mois au plus.") % {"line": line}
                )
            found |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
        return sorted(found)


def _day(word: str) -> date:
    try:
        day, month, year = word.strip().split("/")
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise forms.ValidationError(_("« %(word)s » : écrivez les jours comme 24/12/2026.") % {"word": word}) from error


def closure_lines(days: list[date]) -> str:
    """The days as one types them, those that follow each other on one line."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    shown = "%d/%m/%Y"
    return "\n".join(
        r[0].strftime(shown) if len(r) == 1 else f"{r[0].strftime(shown)} au {r[-1].strftime(shown)}" for r in runs
    )


class RateForm(forms.Form):
    mark = forms.TypedChoiceField(
        label=_("Cette réponse vous a-t-elle aidé ?"),
        coerce=int,
        choices=[(4, _("oui, tout à fait")), (3, _("plutôt oui")), (2, _("plutôt non")), (1, _("non"))],
    )
    text = text(_("Un mot, si vous voulez"), 2, required=False)
