"""Forms of the coordination file."""

import re
from datetime import datetime

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cercle.base.common.ids import uuid7
from cercle.people.circles.desks import DAC, holds_files
from cercle.people.directory.models import PracticeRole, Team

from .models import CoordinationFile
from .models.files import ADMINISTRATIVE
from .vocabulary import (
    Act,
    EntryReason,
    ExitReason,
    Family,
    Housing,
    Income,
    InformedHow,
    Level,
    Protection,
    Right,
    RightState,
    Topic,
)

MINUTES = re.compile(r"^\s*(?:(\d{1,2})\s*h\s*(\d{0,2})|(\d{1,4})\s*(?:min|mn|m)?)\s*$")


def _day(**more):
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


def _choices(choices, empty=None):
    rows = [(value, capfirst(str(label))) for value, label in choices.choices]
    return [("", empty), *rows] if empty is not None else rows


def _long(rows=3, **more):
    return forms.CharField(widget=forms.Textarea(attrs={"rows": rows}), **more)


class RoleField(forms.ModelChoiceField):
    def label_from_instance(self, role):
        return f"{role.practitioner.display_name}, {role.short_label.lower()}"


class ElsewhereField(RoleField):
    def label_from_instance(self, role):
        return f"{role.organization.display_name} : {role.practitioner.display_name}"


def colleagues(organization):
    """Those of the structure who may hold a file, by name."""
    return _holders(PracticeRole.objects.filter(organization=organization))


def elsewhere(organization):
    """Those of the other DACs, by structure then name."""
    others = PracticeRole.objects.filter(organization__category=DAC, organization__closed_on=None)
    return _holders(others.exclude(organization=organization), "organization__sort")


def _holders(roles, *order):
    rows = roles.filter(ended_at=None).select_related("practitioner", "organization")
    kept = [role.pk for role in rows if holds_files(role)]
    return rows.filter(pk__in=kept).order_by(*order, "practitioner__sort")


def holders_who_left(organization):
    """Who no longer works there and still is the referent of somebody: her files must find another one."""
    living = CoordinationFile.objects.of(organization).living()
    return PracticeRole.objects.filter(
        organization=organization, ended_at__isnull=False, pk__in=living.values("referent_id")
    )


class FilesField(forms.FileField):
    """Several files under one name; the action checks and cleans each of them."""

    widget = forms.FileInput

    def clean(self, data, initial=None):
        return list(data or ())


class ManyFiles(forms.FileInput):
    def value_from_datadict(self, data, files, name):
        return files.getlist(name) if hasattr(files, "getlist") else []


class MinutesField(forms.CharField):
    """« 15 », « 45 min », « 1 h 30 »."""

    def clean(self, value):
        text = super().clean(value)
        found = MINUTES.match(text)
        if not found:
            raise forms.ValidationError(_("Écrivez une durée : 15, 45 min, 1 h 30."))
        hours, rest, minutes = found.groups()
        total = int(hours) * 60 + int(rest or 0) if hours is not None else int(minutes)
        if total > 1440:
            raise forms.ValidationError(_("La durée va de 0 à 24 heures."))
        return total


class SheetForm(forms.Form):
    act = forms.ChoiceField(label=_("Acte"), choices=Act.choices, initial=Act.CALL, widget=forms.RadioSelect)
    minutes = MinutesField(label=_("Durée"), max_length=12, initial="15")
    topic = forms.ChoiceField(label=_("Sujet"), choices=Topic.choices, initial=Topic.COORDINATION)
    on = _day(label=_("Jour"))
    time = forms.TimeField(
        label=_("Heure"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    text = _long(label=_("Ce qui a été fait"), rows=4, max_length=20_000)
    people = forms.CharField(
        label=_("Avec qui"), max_length=1000, required=False, help_text=_("Des noms séparés par des virgules.")
    )
    joined = FilesField(required=False, widget=ManyFiles)
    share = forms.BooleanField(label=_("Dire aussi dans le cahier de liaison"), required=False)
    visit = forms.UUIDField(required=False, widget=forms.HiddenInput)  # the appointment that it tells
    ref = forms.UUIDField(required=False, widget=forms.HiddenInput)  # names what this form sends: sent twice, kept once

    @staticmethod
    def start() -> dict:
        now = timezone.localtime()
        return {"on": now.date(), "time": now.time().replace(second=0, microsecond=0), "act": Act.CALL, "minutes": "15",
                "topic": Topic.COORDINATION, "ref": uuid7()}  # fmt: skip

    def values(self) -> dict:
        data = self.cleaned_data
        now = timezone.localtime()
        hour = data["time"] or now.time().replace(second=0, microsecond=0)
        at = timezone.make_aware(datetime.combine(data["on"], hour))
        return {
            "act": data["act"], "minutes": data["minutes"], "topic": data["topic"], "at": at, "text": data["text"],
            "people": [n for n in data["people"].split(",") if n.strip()],
        }  # fmt: skip


class CorrectionForm(SheetForm):
    share = None
    visit = None
    ref = None
    based_on = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Pourquoi (facultatif)"), max_length=400, required=False)


class SeriesForm(SheetForm):
    share = None
    visit = None
    joined = None


class WithdrawForm(forms.Form):
    reason = forms.CharField(label=_("Pourquoi"), max_length=400)


class ShareForm(forms.Form):
    pass


class SynthesisForm(forms.Form):
    synthesis = _long(label=_("Où en est-on ?"), rows=6, required=False, max_length=20_000)
    wish = _long(label=_("Ce que la personne souhaite, avec ses mots"), rows=3, required=False, max_length=20_000)
    review_on = _day(label=_("Revoir la situation le"), required=False)
    based_on = forms.CharField(required=False, widget=forms.HiddenInput)

    def values(self) -> dict:
        data = self.cleaned_data
        based = None
        if data["based_on"]:
            try:
                based = datetime.fromisoformat(data["based_on"])
            except ValueError:
                based = None
        return {"synthesis": data["synthesis"], "wish": data["wish"], "review_on": data["review_on"], "based_on": based}


class AdministrativeForm(forms.Form):
    based_on = forms.IntegerField(widget=forms.HiddenInput)
    housing = forms.ChoiceField(label=_("Logement"), choices=_choices(Housing, _("Non renseigné")), required=False)
    housing_note = _long(label=_("Précisions sur le logement"), rows=2, required=False, max_length=1000)
    family_situation = forms.ChoiceField(
        label=_("Vit avec"), choices=_choices(Family, _("Non renseigné")), required=False
    )
    family_note = _long(label=_("Précisions sur la famille"), rows=2, required=False, max_length=1000)
    legal_protection = forms.ChoiceField(
        label=_("Mesure de protection"), choices=_choices(Protection, _("Non renseigné")), required=False
    )
    protection_note = _long(label=_("Qui l’exerce, depuis quand"), rows=2, required=False, max_length=1000)
    income_band = forms.ChoiceField(label=_("Ressources"), choices=_choices(Income, _("Non renseigné")), required=False)
    fund = forms.CharField(label=_("Caisse"), max_length=120, required=False)
    insurer = forms.CharField(label=_("Mutuelle"), max_length=120, required=False)
    people_note = _long(label=_("Professionnels et aidants hors du cercle"), rows=3, required=False, max_length=20_000)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for code, label in Right.choices:
            self.fields[f"right_{code}"] = forms.ChoiceField(
                label=label, choices=_choices(RightState, "—"), required=False
            )
            self.fields[f"until_{code}"] = _day(label=_("%(right)s, jusqu’au") % {"right": label}, required=False)
            self.fields[f"note_{code}"] = forms.CharField(
                label=_("%(right)s, précision") % {"right": label}, max_length=200, required=False
            )

    def clean(self):
        data = super().clean()
        for code, _label in Right.choices:
            if not data.get(f"right_{code}") and (data.get(f"until_{code}") or data.get(f"note_{code}")):
                self.add_error(f"right_{code}", _("Dites où en est ce droit."))
        return data

    @property
    def right_rows(self):
        return [
            (label, self[f"right_{code}"], self[f"until_{code}"], self[f"note_{code}"]) for code, label in Right.choices
        ]

    @staticmethod
    def start(file) -> dict:
        found = {name: getattr(file, name) for name in ADMINISTRATIVE if name != "rights"} | {"based_on": file.version}
        for code, line in file.rights.items():
            found |= {
                f"{what}_{code}": line.get(key, "")
                for what, key in (("right", "state"), ("until", "until"), ("note", "note"))
            }
        return found

    def values(self) -> dict:
        data = dict(self.cleaned_data)
        rights = {}
        for code, _label in Right.choices:
            state, until = data.pop(f"right_{code}"), data.pop(f"until_{code}")
            if state:
                rights[code] = {
                    "state": state,
                    "until": str(until) if until else "",
                    "note": data.get(f"note_{code}", ""),
                }
            data.pop(f"note_{code}")
        return data | {"rights": rights}


class PrivateForm(forms.Form):
    text = _long(label=_("Note interne"), rows=4, max_length=20_000)
    ref = forms.UUIDField(required=False, widget=forms.HiddenInput)
    corrects = forms.UUIDField(required=False, widget=forms.HiddenInput)


class OpenForm(forms.Form):
    level = forms.TypedChoiceField(
        label=_("Niveau"), choices=Level.choices, coerce=int, initial=2, widget=forms.RadioSelect
    )
    referent = RoleField(label=_("Référent"), queryset=PracticeRole.objects.none())
    team = forms.ModelChoiceField(
        label=_("Équipe"), queryset=Team.objects.none(), required=False, empty_label=_("Aucune")
    )
    entry_reason = forms.ChoiceField(label=_("Motif d’entrée"), choices=_choices(EntryReason))
    entry_text = _long(label=_("Précisions"), rows=2, required=False, max_length=1000)
    informed_on = _day(label=_("Personne informée de l’appui le"))
    informed_form = forms.ChoiceField(
        label=_("Comment"), choices=[("oral", _("À l’oral")), ("written", _("Par écrit"))]
    )

    def __init__(self, *args, organization, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["referent"].queryset = colleagues(organization)
        self.fields["team"].queryset = Team.objects.filter(organization=organization, closed_at=None)

    def values(self) -> dict:
        return dict(self.cleaned_data)


class LevelForm(forms.Form):
    level = forms.TypedChoiceField(label=_("Niveau"), choices=Level.choices, coerce=int, widget=forms.RadioSelect)
    reason = _long(label=_("Pourquoi"), rows=2, required=False, max_length=400)


class ReferentForm(forms.Form):
    referent = RoleField(label=_("Nouveau référent"), queryset=PracticeRole.objects.none())
    reason = _long(label=_("Pourquoi"), rows=2, required=False, max_length=400)


class CoReferentForm(forms.Form):
    practice_role = RoleField(label=_("Co-référent"), queryset=PracticeRole.objects.none())


class EndCoReferentForm(CoReferentForm):
    """Among those who are."""


class SuspendForm(forms.Form):
    reason = _long(label=_("Pourquoi"), rows=2, max_length=400)
    until = _day(label=_("Revoir le"), required=False)


class ResumeForm(forms.Form):
    pass


class CloseForm(forms.Form):
    exit_reason = forms.ChoiceField(label=_("Motif de sortie"), choices=_choices(ExitReason))
    text = _long(label=_("Précisions"), rows=3, required=False, max_length=1000)
    leave_circle = forms.BooleanField(label=_("Quitter aussi le cercle de soins"), required=False)


class ReopenForm(forms.Form):
    reason = _long(label=_("Pourquoi"), rows=2, max_length=400)
    referent = RoleField(label=_("Référent"), queryset=PracticeRole.objects.none())
    new_episode = forms.TypedChoiceField(
        label=_("Quel dossier ?"), coerce=lambda v: v == "1", initial="1", widget=forms.RadioSelect,
        choices=[("1", _("Un nouvel épisode")), ("0", _("Le même, clos trop tôt"))],
    )  # fmt: skip
    informed_on = _day(label=_("Personne informée le"), required=False)


class TransferForm(forms.Form):
    referent = ElsewhereField(label=_("Référent dans l’autre DAC"), queryset=PracticeRole.objects.none())
    text = _long(label=_("Mot d’accompagnement"), rows=3, max_length=1000)
    informed_on = _day(label=_("Personne informée le"))


class HandoverForm(forms.Form):
    from_role = RoleField(label=_("Dossiers de"), queryset=PracticeRole.objects.none())
    to_role = RoleField(label=_("Confiés à"), queryset=PracticeRole.objects.none())
    kind = forms.ChoiceField(
        label=_("Pour"), widget=forms.RadioSelect, initial="leave",
        choices=[("leave", _("Une absence : les dossiers reviennent")), ("departure", _("Un départ"))],
    )  # fmt: skip
    until = _day(label=_("Dernier jour du remplacement"), required=False)
    ref = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, organization, **kwargs):
        super().__init__(*args, **kwargs)
        there = colleagues(organization)
        self.fields["from_role"].queryset = (there.order_by() | holders_who_left(organization)).order_by(
            "practitioner__sort"
        )
        self.fields["to_role"].queryset = there

    def clean(self):
        data = super().clean()
        if data.get("kind") == "leave" and not data.get("until"):
            self.add_error("until", _("Donnez le dernier jour du remplacement."))
        return data

    def values(self) -> dict:
        data = self.cleaned_data
        return {
            "from_role": data["from_role"], "to_role": data["to_role"],
            "until": data["until"] if data["kind"] == "leave" else None, "ref": data["ref"],
        }  # fmt: skip


class ProlongForm(forms.Form):
    until = _day(label=_("Dernier jour du remplacement"))


class InformedForm(forms.Form):
    how = forms.ChoiceField(
        label=_("Prévenues"),
        choices=[(InformedHow.LETTER, _("par courrier")), (InformedHow.SPOKEN, _("de vive voix"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    on = forms.DateField(
        label=_("le"), widget=forms.DateInput(attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d")
    )
