from datetime import date, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.web import french

from .engine import Period, first_day, step_end

PRESETS = [
    ("12s", _("12 semaines")), ("mois", _("Mois dernier")), ("trimestre", _("3 derniers mois")), ("an", _("12 derniers mois")),
    ("annee", _("Cette année")), ("passee", _("L’année dernière")), ("dates", _("Autres dates")),
]  # fmt: skip
COMPARED = [("avant", _("la période d’avant")), ("an", _("l’an dernier"))]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self):
        super().__init__(format="%Y-%m-%d")


def _offer(form: forms.Form, name: str, choices: list) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


class FiltersForm(forms.Form):
    """All optional: an empty form is the last twelve weeks of everything."""

    p = forms.ChoiceField(label=_("Période"), choices=PRESETS, required=False)
    du = forms.DateField(label=_("Du"), required=False, widget=DateInput)
    au = forms.DateField(label=_("Au"), required=False, widget=DateInput)
    equipe = forms.ChoiceField(label=_("Équipe"), required=False)
    niveau = forms.ChoiceField(label=_("Niveau"), required=False)
    commune = forms.ChoiceField(label=_("Commune"), required=False)
    comparer = forms.ChoiceField(label=_("Comparer à"), choices=COMPARED, required=False)
    connu = forms.DateField(
        label=_("Tels que connus le"), required=False, widget=DateInput,
        help_text=_("Refait les chiffres avec ce qui était enregistré ce jour-là."),
    )  # fmt: skip

    def __init__(self, data, *, teams=(), communes=()):
        super().__init__(data)
        _offer(self, "equipe", [("", _("Toutes les équipes")), *teams])
        _offer(self, "commune", [("", _("Tout le territoire")), *communes])
        _offer(self, "niveau", [
            ("", _("Tous les niveaux")), ("1", _("1 Information")), ("2", _("2 Appui")), ("3", _("3 Suivi intensif")),
        ])  # fmt: skip

    def chosen(self, name: str) -> str:
        """A nonsense choice is no choice."""
        self.is_valid()
        return self.cleaned_data.get(name) or ""

    def compared(self) -> Period:
        return self.period().year_before() if self.chosen("comparer") == "an" else self.period().before()

    def period(self) -> Period:
        self.is_valid()
        today = timezone.localdate()
        known = self.cleaned_data.get("connu")
        known = known if known and date(1990, 1, 1) <= known < today else None
        last = known or today
        start, end = _preset(self.cleaned_data.get("p") or "12s", last)
        if self.cleaned_data.get("p") == "dates":
            start = self.cleaned_data.get("du") or start
            end = self.cleaned_data.get("au") or end
        # Ten years at most: a typing error must not ask for two thousand.
        start, end = min(start, end), max(start, end)
        end = min(max(end, date(1990, 1, 1)), today + timedelta(days=3660))
        return Period(min(max(start, end - timedelta(days=3660)), end), end, known)


class SharedForm(forms.Form):
    """What small cells allow to be shared: an ended quarter or year, of a whole structure or of the region (`secrecy`)."""

    p = forms.ChoiceField(label=_("Période"), required=False)
    structure = forms.ChoiceField(label=_("Structure"), required=False)
    comparer = forms.ChoiceField(label=_("Comparer à"), choices=COMPARED, required=False)

    def __init__(self, data, *, structures=()):
        today = timezone.localdate()
        self.periods = {name: (label, period) for name, label, period in shared_periods(today)}
        # A link from a page that is not shared: « 12 derniers mois » is the last year.
        asked = str(today.year - 1) if data.get("p") in ("an", "passee") else data.get("p", "")
        self.asked = asked if asked in self.periods else next(iter(self.periods))
        super().__init__({**data.dict(), "p": self.asked})
        _offer(self, "structure", [("", _("Toute la région")), *structures])
        _offer(self, "p", [(name, label) for name, (label, _period) in self.periods.items()])

    def chosen(self, name: str) -> str:
        self.is_valid()
        return self.cleaned_data.get(name) or ""

    def period(self) -> Period:
        return self.periods[self.asked][1]

    def compared(self) -> Period:
        period = self.period()
        return period.year_before() if self.chosen("comparer") == "an" else quarters_before(period)


def shared_periods(today: date) -> list[tuple[str, str, Period]]:
    """The last eight quarters, then the last four years, all ended."""
    found, end = [], first_day(today, "quarter") - timedelta(days=1)
    for _n in range(8):
        start = first_day(end, "quarter")
        number = (start.month + 2) // 3
        found.append(
            (
                f"{start.year}-{number}",
                _("%(n)de trimestre %(year)d") % {"n": number, "year": start.year}
                if number > 1
                else _("1er trimestre %d") % start.year,
                Period(start, end),
            )
        )
        end = start - timedelta(days=1)
    for year in range(today.year - 1, today.year - 5, -1):
        found.append((str(year), _("année %d") % year, Period(date(year, 1, 1), date(year, 12, 31))))
    return found


def quarters_before(period: Period) -> Period:
    """The quarter or the year just before."""
    if step_end(period.start, "quarter") < period.end:
        return period.year_before()
    end = period.start - timedelta(days=1)
    return Period(first_day(end, "quarter"), end)


def _preset(name: str, today: date) -> tuple[date, date]:
    first = today.replace(day=1)
    match name:
        case "mois":
            end = first - timedelta(days=1)
            return end.replace(day=1), end
        case "trimestre":
            end = first - timedelta(days=1)
            return (end.replace(day=1) - timedelta(days=62)).replace(day=1), end
        case "an":
            end = first - timedelta(days=1)
            return (first - timedelta(days=360)).replace(day=1), end
        case "annee":
            return today.replace(month=1, day=1), today
        case "passee":
            return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
        case _:
            # Twelve whole weeks, the last one ended.
            end = today - timedelta(days=today.weekday() + 1)
            return end - timedelta(days=83), end


def said(period: Period) -> str:
    return f"{french.short_day(period.start)} – {french.short_day(period.end)}"
