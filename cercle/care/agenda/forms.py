from datetime import datetime, time
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from . import recurrence
from .vocabulary import REMINDERS, AbsenceKind, Kind, Scope


def _day(**more):
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


def _hour(**more):
    return forms.TimeField(widget=forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M"), **more)


LENGTHS = [
    (15, _("15 min")), (20, _("20 min")), (30, _("30 min")), (45, _("45 min")), (60, _("1 h")), (90, _("1 h 30")),
    (120, _("2 h")), (180, _("3 h")), (240, _("4 h")), (480, _("8 h")),
]  # fmt: skip
REPEATS = [
    ("", _("Une seule fois")), ("FREQ=DAILY", _("Chaque jour")), ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", _("Du lundi au vendredi")),
    ("FREQ=WEEKLY", _("Chaque semaine")), ("FREQ=WEEKLY;INTERVAL=2", _("Toutes les deux semaines")), ("FREQ=MONTHLY", _("Chaque mois")),
]  # fmt: skip


class When(forms.Form):
    on = _day(label=_("Jour"))
    at = _hour(label=_("Heure"))
    minutes = forms.TypedChoiceField(label=_("Durée"), coerce=int, choices=LENGTHS, initial=60)

    def starts_at(self) -> datetime:
        local = datetime.combine(self.cleaned_data["on"], self.cleaned_data["at"])
        return recurrence.on_clock(local, ZoneInfo(settings.TIME_ZONE))

    def keep_asked_length(self) -> None:
        asked = str(self.data.get("minutes") or self.initial.get("minutes") or "")
        if asked.isdecimal() and len(asked) < 5:
            self.keep_length(int(asked))

    def keep_length(self, minutes: int) -> None:
        """A length that is not in the list (drawn on the screen) joins it."""
        field = self.fields["minutes"]
        if minutes not in dict(LENGTHS) and 5 <= minutes <= 1440:
            field.choices = sorted([*LENGTHS, (minutes, _("%(n)s min") % {"n": minutes})])


class AppointmentForm(When):
    circle = forms.ChoiceField(label=_("Personne concernée"), required=False)
    kind = forms.ChoiceField(label=_("Type"), choices=Kind.choices, initial=Kind.VISIT, widget=forms.RadioSelect)
    title = forms.CharField(label=_("Objet"), max_length=160, required=False)
    place = forms.CharField(label=_("Lieu"), max_length=160, required=False)
    repeat = forms.ChoiceField(label=_("Répétition"), choices=REPEATS, required=False)
    until = _day(label=_("Jusqu’au"), required=False)
    who = forms.MultipleChoiceField(label=_("Avec"), required=False, widget=forms.CheckboxSelectMultiple)
    room = forms.ChoiceField(label=_("Salle"), required=False)
    reminder = forms.TypedChoiceField(
        label=_("Rappel"), required=False, coerce=int, empty_value=None, choices=[("", _("Aucun")), *REMINDERS]
    )
    note = forms.CharField(label=_("Note"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    proposed = forms.BooleanField(label=_("Seulement proposé, attend une réponse"), required=False)
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, circles=None, people=(), rooms=(), **kwargs):
        super().__init__(*args, **kwargs)
        if circles is None:
            del self.fields["circle"]
        else:
            self.fields["circle"].choices = [("", _("Personne en particulier")), *circles]
        _offer(self, people, rooms)
        self.keep_asked_length()

    def clean(self):
        data = super().clean()
        if data.get("repeat") and not data.get("until"):
            self.add_error("until", _("Dites jusqu’à quand ce rendez-vous se répète."))
        if data.get("kind") == Kind.PRIVATE and data.get("circle"):
            self.add_error("circle", _("Un temps personnel ne concerne aucun patient."))
        return data

    def values(self) -> dict:
        data = self.cleaned_data
        rule = data["repeat"]
        if rule:
            zone = ZoneInfo(settings.TIME_ZONE)
            rule += f";UNTIL={recurrence.until(data['until'], zone)}"
        return {
            "kind": data["kind"], "starts_at": self.starts_at(), "minutes": data["minutes"], "title": data["title"],
            "place": data["place"], "note": data["note"], "rrule": rule, "proposed": data["proposed"],
            "reminder": data["reminder"], "anyway": data["anyway"],
        }  # fmt: skip


class ScopeField(forms.ChoiceField):
    def __init__(self):
        super().__init__(
            label=_("Que faut-il changer ?"), choices=Scope.choices, initial=Scope.ONE, widget=forms.RadioSelect
        )


class ChangeForm(forms.Form):
    scope = ScopeField()
    kind = forms.ChoiceField(label=_("Type"), choices=Kind.choices, widget=forms.RadioSelect)
    title = forms.CharField(label=_("Objet"), max_length=160, required=False)
    place = forms.CharField(label=_("Lieu"), max_length=160, required=False)
    room = forms.ChoiceField(label=_("Salle"), required=False)
    who = forms.MultipleChoiceField(label=_("Avec"), required=False, widget=forms.CheckboxSelectMultiple)
    reminder = forms.TypedChoiceField(
        label=_("Rappel"), required=False, coerce=int, empty_value=None, choices=[("", _("Aucun")), *REMINDERS]
    )
    note = forms.CharField(label=_("Note"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    proposed = forms.BooleanField(label=_("Seulement proposé, attend une réponse"), required=False)
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, repeats: bool, people=(), rooms=(), **kwargs):
        super().__init__(*args, **kwargs)
        _offer(self, people, rooms)
        if not repeats:
            del self.fields["scope"]


def _offer(form: forms.Form, people, rooms) -> None:
    """No field where there is nobody, or no room, to choose."""
    for name, choices in (("who", list(people)), ("room", [("", _("Aucune")), *rooms] if rooms else [])):
        if choices:
            form.fields[name].choices = choices
        else:
            del form.fields[name]


class MoveForm(When):
    scope = ScopeField()

    def __init__(self, *args, repeats: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if not repeats:
            del self.fields["scope"]
        self.keep_asked_length()


class CancelForm(forms.Form):
    scope = ScopeField()
    reason = forms.CharField(label=_("Pourquoi"), max_length=400, required=False)

    def __init__(self, *args, repeats: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if not repeats:
            del self.fields["scope"]


class ToPlaceForm(forms.Form):
    circle = forms.ChoiceField(label=_("Personne concernée"), required=False)
    kind = forms.ChoiceField(label=_("Type"), choices=Kind.choices, initial=Kind.VISIT, widget=forms.RadioSelect)
    title = forms.CharField(label=_("Objet"), max_length=160, required=False)
    minutes = forms.TypedChoiceField(label=_("Durée"), coerce=int, choices=LENGTHS, initial=60)
    due = _day(label=_("Avant le"), required=False)

    def __init__(self, *args, circles=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["circle"].choices = [("", _("Personne en particulier")), *circles]

    def due_at(self) -> datetime | None:
        day = self.cleaned_data["due"]
        return timezone.make_aware(datetime.combine(day, time(23, 59))) if day else None


class AbsenceForm(forms.Form):
    who = forms.ChoiceField(label=_("Qui"))
    kind = forms.ChoiceField(label=_("Motif"), choices=AbsenceKind.choices)
    starts_on = _day(label=_("Du"))
    ends_on = _day(label=_("Au"))
    cover = forms.ChoiceField(label=_("Qui répond pendant ce temps"), required=False)

    def __init__(self, *args, me: tuple[str, str], people=(), for_others: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["cover"].choices = [("", _("Personne")), *people, *([me] if for_others else [])]
        if for_others:
            self.fields["who"].choices = [(me[0], _("Moi")), *people]
        else:
            del self.fields["who"]
