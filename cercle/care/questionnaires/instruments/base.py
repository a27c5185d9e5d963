"""What every instrument shares: a profile in, a Result out, and a refusal that says which answer is wrong.

A profile is `{variable: value}`, the variables being the linkIds of the instrument's Questionnaire. No instrument guesses:
a weighing answer that is missing gives no score, and a value that is not in the instrument's list is refused, never
brought near (« a » is not « A », `true` is not 1).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Profile = Mapping[str, Any]
Number = int | float


class BadProfile(ValueError):
    """This profile has no score; the message is for the person and names the variable."""

    missing: tuple[str, ...] = ()  # the answers that it lacks, when that is all


@dataclass(frozen=True)
class Result:
    score: Number
    lowest: Number = 0
    highest: Number = 0
    band: Any = ""  # what the source says of such a score; empty where no source is shown
    details: Mapping[str, Any] = field(default_factory=dict)
    to_confirm: bool = False  # rests on a rule not yet read in its official text

    def as_json(self) -> dict[str, Any]:
        """What `cercle instruments score` prints beside the id."""
        shown: dict[str, Any] = {"score": self.score, "sur": self.highest}
        if self.band:
            shown["interpretation"] = str(self.band)
        shown |= self.details
        if self.to_confirm:
            shown["a_confirmer"] = True
        return shown


class Tier(TextChoices):
    OPEN = "open", gettext_lazy("Ouvert : questions et score")
    TOTAL = "total", gettext_lazy("Total saisi à la main")
    FORBIDDEN = "forbidden", gettext_lazy("Non fourni")


class Rights(TextChoices):
    FREE = "free", gettext_lazy("libre")
    OWN = "own", gettext_lazy("texte de Cercle")
    TO_CONFIRM = "to_confirm", gettext_lazy("utilisable, à faire confirmer")
    PROTECTED = "protected", gettext_lazy("protégé")


class Certainty(TextChoices):
    """How sure we are of the scoring."""

    A = "A", gettext_lazy("texte officiel ou code lu, calcul vérifié")
    B = "B", gettext_lazy("page publiée lue")
    C = "C", gettext_lazy("connaissance générale, à vérifier")


@dataclass(frozen=True)
class Instrument:
    """One entry of the registry. No entry, no scale."""

    name: str  # of the command and of the library file
    title: Any
    purpose: Any
    version: str
    tier: Tier
    rights: Rights
    licence: Any  # a sentence on what is allowed, by whom
    source: Any
    certainty: Certainty
    missing: Any  # what a missing answer does
    score: Callable[[Profile], Result] | None = None
    # (profile, what Result.as_json must hold) : proven in tests/care/questionnaires/test_instruments.py
    golden: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ()
    lowest: Number = 0
    highest: Number = 0
    better: str = ""  # "up", "down" or "": which way is more autonomous, for the words of a trend, never for a colour
    approved_by: str = ""  # nobody yet: each region approves what it publishes
    warning: Any = ""  # shown beside every result

    @property
    def url(self) -> str:
        return f"urn:cercle:questionnaire:{self.name}"

    @property
    def is_scored(self) -> bool:
        """For templates, which would call `score`."""
        return self.score is not None


NO_SCORE = gettext_lazy("Une réponse manquante : pas de score.")


def only(profile: Profile, known: Collection[str]) -> None:
    """Refuse what the instrument does not know: a misspelt variable must not be taken for an absent one."""
    if not isinstance(profile, Mapping):
        raise BadProfile(_("le profil doit être un objet « variable : valeur »"))
    for name in profile:
        if name not in known:
            near = get_close_matches(str(name), [str(one) for one in known], 1, 0.8)
            words = (
                _("variable inconnue : %(name)s ; voulez-vous dire %(near)s ?")
                if near
                else _("variable inconnue : %(name)s")
            )
            raise BadProfile(words % {"name": shown(name), "near": near[0] if near else ""})


def given(profile: Profile, names: Collection[str]) -> None:
    """All the answers that weigh, or no score; every missing one is named."""
    missing = [name for name in names if profile.get(name) is None]
    if missing:
        refused = BadProfile(_("réponse manquante : %(names)s") % {"names": ", ".join(missing)})
        refused.missing = tuple(missing)
        raise refused


def one_of(profile: Profile, name: str, allowed: Collection[Any]) -> Any:
    value = profile[name]
    # 1 == True == 1.0 in Python: an answer « true » to a question from 0 to 10 is a mistake all the same.
    for possible in allowed:
        if value == possible and type(value) is not bool and isinstance(value, str) == isinstance(possible, str):
            return possible
    wanted = ", ".join(shown(v) for v in allowed)
    raise BadProfile(
        _("%(name)s : %(value)s n’est pas une réponse prévue (%(wanted)s)")
        % {"name": name, "value": shown(value), "wanted": wanted}
    )


def whole(profile: Profile, name: str, lowest: int, highest: int) -> int:
    value = profile[name]
    if type(value) is not int or not lowest <= value <= highest:
        raise BadProfile(
            _("%(name)s : %(value)s n’est pas un nombre entier de %(low)s à %(high)s")
            % {"name": name, "value": shown(value), "low": lowest, "high": highest}
        )
    return value


def yes(profile: Profile, name: str) -> bool:
    """`true`, `false`, « oui » or « non »."""
    value = profile[name]
    if type(value) is bool:
        return value
    if value == "oui" or value == "non":
        return bool(value == "oui")
    raise BadProfile(_("%(name)s : %(value)s n’est ni oui ni non") % {"name": name, "value": shown(value)})


def shown(value: Any) -> str:
    """A value as a person typed it, short enough for one line."""
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, str | int | float):
        text = str(value) if not isinstance(value, str) else f"« {value} »"
    else:
        text = {"list": _("une liste"), "dict": _("un objet")}.get(
            type(value).__name__, _("une valeur d’un autre type")
        )
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:39]}…"
