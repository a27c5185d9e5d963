from collections.abc import Iterable
from datetime import datetime, tzinfo
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.people.circles.faces import Face
from cercle.people.circles.vocabulary import Form, MemberKind

from .vocabulary_plan import Decided, GivenBy

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _named(people: Iterable[Face]) -> list[tuple[str, str]]:
    """The members one may choose: people and teams, no software."""
    return [(str(f.pk), f"{f.name}, {f.label or f.word}".strip(", ")) for f in people if f.kind != MemberKind.CONNECTOR]


class OwnerForm(forms.Form):
    """Who is in charge: a member of the circle, or a name."""

    member = forms.ChoiceField(label=_("Qui"), required=False)
    name = forms.CharField(label=_("Ou une personne hors du cercle"), max_length=200, required=False)
    role = forms.CharField(label=_("Son métier ou son lien"), max_length=200, required=False)

    def __init__(self, *args, people=(), **kwargs):
        super().__init__(*args, **kwargs)
        choice = self.fields["member"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", _("Choisir dans le cercle")), *_named(people)]

    def owner(self) -> dict:
        data = self.cleaned_data
        if data["member"]:
            return {"member": UUID(data["member"])}
        return {"name": data["name"], "label": data["role"]}


class ActionForm(OwnerForm):
    label = forms.CharField(label=_("Action"), max_length=300)
    due_on = forms.DateField(label=_("Avant le"), required=False, widget=DAY, help_text=_("Vide : en continu."))
    based_on = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ["label", "member", "name", "role", "due_on", "based_on"]

    def clean_based_on(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.cleaned_data["based_on"])
        except ValueError:
            return None

    def values(self) -> dict:
        return {"label": self.cleaned_data["label"], "due_on": self.cleaned_data["due_on"], "owner": self.owner()}


class AgreementForm(forms.Form):
    decision = forms.ChoiceField(label=_("Décision"), choices=Decided.choices)
    given_by = forms.ChoiceField(label=_("Donné par"), choices=GivenBy.choices)
    given_name = forms.CharField(label=_("Son nom"), max_length=200)
    form = forms.ChoiceField(label=_("Comment"), choices=Form.choices)
    given_on = forms.DateField(label=_("Le"), widget=DAY)
    words = forms.CharField(label=_("Ses mots"), required=False, max_length=5000)
    based_on = forms.DateTimeField(required=False)


class OnlineAgreementForm(forms.Form):
    """Given by the person herself: who and when are known."""

    decision = forms.ChoiceField(label=_("Décision"), choices=Decided.choices)
    words = forms.CharField(label=_("Ses mots"), required=False, max_length=5000)
    based_on = forms.DateTimeField(required=False)


class WhenForm(forms.Form):
    on = forms.DateField(label=_("Le"), widget=DAY)
    at = forms.TimeField(label=_("À"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    minutes = forms.IntegerField(label=_("Durée, en minutes"), min_value=5, max_value=24 * 60, initial=60)

    def starts_at(self, zone: tzinfo | None = None) -> datetime:
        return timezone.make_aware(datetime.combine(self.cleaned_data["on"], self.cleaned_data["at"]), zone)


class MoveForm(WhenForm):
    text = forms.CharField(label=_("Pourquoi"), max_length=1000, required=False)


class InviteesForm(forms.Form):
    """Members of the circle (`people`), and names outside it."""

    members = forms.MultipleChoiceField(label=_("Inviter"), widget=forms.CheckboxSelectMultiple, required=False)
    outsiders = forms.CharField(
        label=_("Hors du cercle"), widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=4000,
        help_text=_("Une personne par ligne : nom, métier."),
    )  # fmt: skip

    def __init__(self, *args, people=(), **kwargs):
        super().__init__(*args, **kwargs)
        choice = self.fields["members"]
        assert isinstance(choice, forms.MultipleChoiceField)
        choice.choices = _named(people)

    def invitees(self) -> list[dict]:
        found: list[dict] = [{"member": UUID(pk)} for pk in self.cleaned_data["members"]]
        for line in self.cleaned_data["outsiders"].splitlines()[:40]:
            name, _comma, label = line.partition(",")
            if name.strip():
                found.append({"name": name, "label": label})
        return found


class MeetingForm(InviteesForm, WhenForm):
    title = forms.CharField(label=_("Titre"), max_length=200)
    place = forms.CharField(label=_("Lieu, ou lien de la visio"), max_length=300, required=False)
    agenda = forms.CharField(
        label=_("Ordre du jour"), widget=forms.Textarea(attrs={"rows": 4}), required=False, max_length=20_000
    )


class DecisionForm(OwnerForm):
    text = forms.CharField(label=_("Décision"), max_length=500)
    due_on = forms.DateField(label=_("Avant le"), required=False, widget=DAY)
    field_order = ["text", "member", "name", "role", "due_on"]
