from datetime import datetime, time

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cercle.base.common.text import name_key
from cercle.people.directory.models import Organization

from .models import Stay


def _day(**more):
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


def _hour(**more):
    return forms.TimeField(required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **more)


def _capitalised(choices) -> list[tuple[str, str]]:
    """« Retour à domicile »: the labels are written for the middle of a sentence."""
    return [(value, capfirst(label)) for value, label in choices.choices]


def instant(day, hour, *, late: bool = False) -> datetime:
    """Local day and hour to an instant; without the hour, the start of the day (`late`: its end, or now)."""
    moment = timezone.make_aware(datetime.combine(day, hour or (time(23, 59) if late else time(0))))
    return min(moment, timezone.now()) if late and hour is None and day == timezone.localdate() else moment


def find_place(text: str) -> Organization | None:
    """The one structure of that exact name (accents, case and hyphens apart), else None: the words are kept."""
    key = name_key(text)
    if len(key) < 3:
        return None
    rows = Organization.objects.filter(sort__contains=key, closed_on=None)[:200]
    found = [o for o in rows if key in (name_key(o.name), name_key(o.long_name))]
    return found[0] if len(found) == 1 else None


class AdmitForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("De quoi s’agit-il ?"), choices=Stay.Kind.choices, initial=Stay.Kind.HOSPITAL, widget=forms.RadioSelect
    )
    place = forms.CharField(
        label=_("Établissement"),
        max_length=160,
        widget=forms.TextInput(attrs={"list": "stay-places", "autocomplete": "off"}),
    )
    started_on = _day(label=_("Jour d’entrée"))
    started_time = _hour(label=_("Heure"))
    entry_mode = forms.ChoiceField(
        label=_("Comment"), required=False, choices=[("", _("Je ne sais pas")), *_capitalised(Stay.Entry)]
    )
    ward = forms.CharField(label=_("Service"), max_length=120, required=False)
    room = forms.CharField(label=_("Chambre"), max_length=40, required=False)
    expected_on = _day(label=_("Sortie prévue le"), required=False)
    expected_time = _hour(label=_("vers"))
    text = forms.CharField(
        label=_("Un mot pour le cercle"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def values(self) -> dict:
        data = self.cleaned_data
        place = find_place(data["place"])
        expected = data["expected_on"]
        return {
            "kind": data["kind"], "organization": place, "label": data["place"], "ward": data["ward"],
            "room": data["room"],
            "entry_mode": data["entry_mode"], "text": data["text"], "has_time": data["started_time"] is not None,
            "started_at": instant(data["started_on"], data["started_time"]),
            "expected_end": instant(expected, data["expected_time"] or time(23, 59)) if expected else None,
            "expected_has_time": data["expected_time"] is not None,
        }  # fmt: skip


class MoveForm(forms.Form):
    on = _day(label=_("Jour"))
    time = _hour(label=_("Heure"))
    ward = forms.CharField(label=_("Service"), max_length=120, required=False)
    room = forms.CharField(label=_("Chambre"), max_length=40, required=False)
    text = forms.CharField(
        label=_("Un mot pour le cercle"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def values(self) -> dict:
        data = self.cleaned_data
        at = instant(data["on"], data["time"], late=True)
        return {
            "at": at,
            "has_time": data["time"] is not None,
            "ward": data["ward"],
            "room": data["room"],
            "text": data["text"],
        }


class AnnounceForm(forms.Form):
    expected_on = _day(
        label=_("Sortie prévue le"),
        required=False,
        help_text=_("Laissez vide si la sortie est reportée sans nouvelle date."),
    )
    expected_time = _hour(label=_("vers"))
    text = forms.CharField(
        label=_("Un mot pour le cercle"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def values(self) -> dict:
        data = self.cleaned_data
        day = data["expected_on"]
        expected = instant(day, data["expected_time"] or time(23, 59)) if day else None
        return {"expected_end": expected, "has_time": data["expected_time"] is not None, "text": data["text"]}


class DischargeForm(forms.Form):
    ended_on = _day(label=_("Jour de sortie"))
    ended_time = _hour(label=_("Heure"))
    end_kind = forms.ChoiceField(
        label=_("Où va la personne ?"), choices=_capitalised(Stay.End), widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("Un mot pour le cercle"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def values(self) -> dict:
        data = self.cleaned_data
        at = instant(data["ended_on"], data["ended_time"], late=True)
        return {
            "ended_at": at,
            "has_time": data["ended_time"] is not None,
            "end_kind": data["end_kind"],
            "text": data["text"],
        }


class CancelForm(forms.Form):
    text = forms.CharField(
        label=_("Pourquoi"),
        max_length=500,
        required=False,
        help_text=_("Par exemple : annoncé pour une autre personne."),
    )

    def values(self) -> dict:
        return {"text": self.cleaned_data["text"]}
