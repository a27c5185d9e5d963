"""AGGIR: ten variables A, B or C, eight of which weigh, give a rank from 1 to 13 and a GIR from 1 to 6.

Source: Code de l'action sociale et des familles, annexe 2-2 (R232-3). The table below is the legal one, line by line; it is
never taken from a port. Thirty single-step worsenings lower the class of dependency (AAAAAABA is GIR 5, AAAAAACA is
GIR 6): this is the law, not a slip.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .base import BadProfile, Certainty, Instrument, Profile, Result, Rights, Tier, given, only, shown

WEIGHING = (
    "coherence",
    "orientation",
    "toilette",
    "habillage",
    "alimentation",
    "elimination",
    "transferts",
    "deplacement_interieur",
)  # fmt: skip
# Discriminating too, but of weight 0 in every group: the GIR stands without them.
WEIGHTLESS = ("deplacement_exterieur", "communication_distance")
DISCRIMINATING = (*WEIGHING, *WEIGHTLESS)
ILLUSTRATIVE = ("gestion", "cuisine", "menage", "transport", "achats", "suivi_traitement", "temps_libre")
VARIABLES = (*DISCRIMINATING, *ILLUSTRATIVE)
LETTERS = ("A", "B", "C")


@dataclass(frozen=True)
class Group:
    letter: str
    c: tuple[int, ...]  # what a C brings, in the order of WEIGHING; an A always brings 0
    b: tuple[int, ...]
    thresholds: tuple[tuple[int, int], ...]  # (sum at least, rank), highest first

    def points(self, letters: str) -> tuple[int, ...]:
        return tuple({"A": 0, "B": b, "C": c}[one] for one, b, c in zip(letters, self.b, self.c, strict=True))

    def rank(self, total: int) -> int | None:
        return next((rank for least, rank in self.thresholds if total >= least), None)


# CASF annexe 2-2. Columns: cohérence, orientation, toilette, habillage, alimentation, élimination, transferts, dépl. intérieur.
GROUPS = (
    Group("A", c=(2000, 1200, 40, 40, 60, 100, 800, 200), b=(0, 0, 16, 16, 20, 16, 120, 32), thresholds=((4380, 1), (4140, 2), (3390, 3))),
    Group("B", c=(1500, 1200, 40, 40, 60, 100, 800, -80), b=(320, 120, 16, 16, 0, 16, 120, -40), thresholds=((2016, 4),)),
    Group("C", c=(0, 0, 40, 40, 60, 160, 1000, 400), b=(0, 0, 16, 16, 20, 20, 200, 40), thresholds=((1700, 5), (1432, 6))),
    Group("D", c=(0, 0, 0, 0, 2000, 400, 2000, 200), b=(0, 0, 0, 0, 200, 200, 200, 0), thresholds=((2400, 7),)),
    Group("E", c=(400, 400, 400, 400, 400, 800, 800, 200), b=(0, 0, 100, 100, 100, 100, 100, 0), thresholds=((1200, 8),)),
    Group("F", c=(200, 200, 500, 500, 500, 500, 500, 200), b=(100, 100, 100, 100, 100, 100, 100, 0), thresholds=((800, 9),)),
    Group("G", c=(150, 150, 300, 300, 500, 500, 400, 200), b=(0, 0, 200, 200, 200, 200, 200, 100), thresholds=((650, 10),)),
    Group("H", c=(0, 0, 3000, 3000, 3000, 3000, 1000, 1000), b=(0, 0, 2000, 2000, 2000, 2000, 2000, 1000), thresholds=((4000, 11), (2000, 12))),
)  # fmt: skip
LAST_RANK = 13  # no threshold reached, down to group H
GIR_OF_RANK = {1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 3, 9: 3, 10: 4, 11: 4, 12: 5, 13: 6}


@dataclass(frozen=True)
class Step:
    """One group of the walk, and whether it is where the walk ends."""

    group: Group
    points: tuple[int, ...]
    rank: int | None

    @property
    def total(self) -> int:
        return sum(self.points)

    @property
    def threshold(self) -> int:
        """The one to show: the one that was reached, else the lowest that was not."""
        reached = [least for least, rank in self.group.thresholds if rank == self.rank]
        return reached[0] if reached else self.group.thresholds[-1][0]


def walk(letters: str) -> Iterator[Step]:
    """The groups from A on, until one threshold is met; H ends it in any case."""
    for group in GROUPS:
        points = group.points(letters)
        rank = group.rank(sum(points))
        if rank is None and group is GROUPS[-1]:
            rank = LAST_RANK
        yield Step(group, points, rank)
        if rank is not None:
            return


@dataclass(frozen=True)
class Aggir(Result):
    rank: int = 0
    group: str = ""
    letters: str = ""

    @property
    def gir(self) -> int:
        return int(self.score)

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"gir": self.gir, "rang": self.rank, "groupe": self.group}
        return shown | {"a_confirmer": True} if self.to_confirm else shown


@cache
def of_letters(letters: str) -> Aggir:
    """GIR of eight letters in the order of WEIGHING. There are 6,561 of them: each is walked once."""
    *_before, last = walk(letters)
    assert last.rank is not None
    gir = GIR_OF_RANK[last.rank]
    return Aggir(gir, 1, 6, GIR_LABELS[gir], rank=last.rank, group=last.group.letter, letters=letters)


def score(profile: Profile) -> Aggir:
    """GIR of a profile `{variable: "A" | "B" | "C"}`.

    The eight weighing variables are required. The two weightless ones and the seven illustrative ones may be absent (or
    null), must be A, B or C when given, and change nothing. A variable may also be given by its adverbs (`by_adverbs`);
    the result is then marked to be confirmed.
    """
    only(profile, VARIABLES)
    given(profile, WEIGHING)
    letters = {name: _letter(name, value) for name, value in profile.items() if value is not None}
    found = of_letters("".join(letters[name] for name in WEIGHING))
    if any(not isinstance(value, str) for value in profile.values() if value is not None):
        return replace(found, to_confirm=True)
    return found


def _letter(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return by_adverbs(name, value)
    if value in LETTERS and isinstance(value, str):
        return value
    raise BadProfile(_("%(name)s : %(value)s n’est pas A, B ou C") % {"name": name, "value": shown(value)})


# --- Letters from adverbs -------------------------------------------------------------------------------------------
# To be confirmed against the facsimile of annexe 2-1 (guide de remplissage, décret 2008-821), which no source read here
# reproduces. Adverbs: read in a published summary (ASH n° 2570). Combinations of sub-variables: from public code only; for
# alimentation, that code contradicts itself on AC and CA (B kept here).

ADVERBS = ("spontanement", "totalement", "correctement", "habituellement")
INITIALS = {adverb[0].upper(): adverb for adverb in ADVERBS}
PARTS: dict[str, tuple[str, ...]] = {
    "coherence": ("communication", "comportement"),
    "orientation": ("temps", "espace"),
    "toilette": ("haut", "bas"),
    "habillage": ("haut", "moyen", "bas"),
    "alimentation": ("se_servir", "manger"),
    "elimination": ("urinaire", "fecale"),
}
ALIASES = {"dans_le_temps": "temps", "dans_l_espace": "espace"}  # said either way in published grids
WHOLE = "adverbes"  # the one part of a variable without sub-variables


def parts_of(variable: str) -> tuple[str, ...]:
    return PARTS.get(variable, (WHOLE,))


def of_adverbs(difficulties: Collection[str]) -> str:
    """The adverbs that pose a difficulty, in full or by their initials: none is A, all four are C, else B."""
    ticked = {INITIALS.get(one, one) for one in difficulties}
    if unknown := ticked - set(ADVERBS):
        expected = ", ".join(f"{name} ({initial})" for initial, name in INITIALS.items())
        raise BadProfile(
            _("adverbe inconnu : %(name)s ; attendus : %(expected)s")
            % {"name": shown(sorted(unknown)[0]), "expected": expected}
        )
    return "A" if not ticked else "C" if len(ticked) == len(ADVERBS) else "B"


def combine(variable: str, letters: str) -> str:
    """The letter of a variable from those of its sub-variables, in the order of PARTS."""
    if set(letters) == {"A"}:
        return "A"
    if variable in {"coherence", "orientation", "elimination"}:
        return "C" if "C" in letters else "B"
    if variable == "alimentation":
        return "C" if letters in {"CC", "BC", "CB"} else "B"
    return "C" if set(letters) == {"C"} else "B"


def by_adverbs(variable: str, parts: Mapping[str, Any]) -> str:
    """`{"haut": ["totalement"], "bas": "A"}`: the difficulties of each sub-variable, or its letter; without any: `{"adverbes": […]}`."""
    expected = parts_of(variable)
    told = {ALIASES.get(name, name): value for name, value in parts.items()}
    if set(told) != set(expected) or len(told) != len(parts):
        raise BadProfile(
            _("%(name)s : sous-variables attendues : %(parts)s") % {"name": variable, "parts": ", ".join(expected)}
        )
    letters = ""
    for part in expected:
        difficulties = told[part]
        if difficulties in LETTERS and isinstance(difficulties, str):
            letters += difficulties
            continue
        if not isinstance(difficulties, list) or not all(isinstance(one, str) for one in difficulties):
            raise BadProfile(
                _("%(name)s : une liste d’adverbes, ou A, B ou C, est attendue") % {"name": f"{variable}.{part}"}
            )
        letters += of_adverbs(difficulties)
    return letters if len(letters) == 1 else combine(variable, letters)


# --- Before the end, and around the result --------------------------------------------------------------------------


def possible(letters: Mapping[str, str]) -> tuple[int, ...]:
    """The GIRs that the answers still missing may lead to, in order; one only: the estimate already stands."""
    choices = [letters.get(name) or "ABC" for name in WEIGHING]
    return tuple(sorted({of_letters("".join(each)).gir for each in product(*choices)}))


@dataclass(frozen=True)
class Change:
    variable: str
    letter: str
    gir: int
    gained: bool  # towards autonomy for this one activity
    odd: bool  # the class moves the other way than the activity: the law's own oddity


def changes(letters: str) -> list[Change]:
    """Every single answer that would give another GIR, the nearest answers first."""
    now = of_letters(letters).gir
    found = []
    for place, (name, letter) in enumerate(zip(WEIGHING, letters, strict=True)):
        for other in LETTERS:
            gir = of_letters(letters[:place] + other + letters[place + 1 :]).gir
            if gir != now:
                gained = other < letter
                step = abs(LETTERS.index(other) - LETTERS.index(letter))
                found.append((step, Change(name, other, gir, gained, gained != (gir > now))))
    return [change for _step, change in sorted(found, key=lambda pair: pair[0])]


# --- Words -----------------------------------------------------------------------------------------------------------


GIR_LABELS = {
    1: gettext_lazy("présence continue, pour le corps comme pour l’esprit"),
    2: gettext_lazy("présence presque continue, ou surveillance permanente"),
    3: gettext_lazy("aide aux soins du corps, plusieurs fois par jour"),
    4: gettext_lazy("aide pour se lever, ou pour la toilette et l’habillage"),
    5: gettext_lazy("aide ponctuelle pour la toilette, les repas ou le ménage"),
    6: gettext_lazy("autonome dans les actes essentiels"),
}


ESTIMATE = gettext_lazy("Estimation. Seule l’équipe médico-sociale du Département fixe le GIR.")

_GOLDEN = (
    ("AAAAAAAA", 6, 13, "H"), ("CCCCCCCC", 1, 1, "A"), ("CCCCCCCA", 2, 2, "A"), ("CCCCCCAA", 2, 3, "A"),
    ("CCAAAAAA", 2, 4, "B"), ("AACCCCCC", 2, 5, "C"), ("BBCCBCCC", 2, 6, "C"), ("AACCACCC", 2, 6, "C"),
    ("AAAABBCA", 2, 7, "D"), ("BBCCACBB", 3, 8, "E"), ("ABCABCAA", 3, 8, "E"), ("AACCBBBB", 3, 9, "F"),
    ("AACCAAAA", 3, 9, "F"), ("ABCBABBA", 3, 9, "F"), ("BBBBBBBB", 4, 10, "G"), ("CBBBABAB", 4, 10, "G"),
    ("AABBAAAA", 4, 11, "H"), ("AABAAAAA", 5, 12, "H"), ("AACAAAAA", 5, 12, "H"), ("AAAAAABA", 5, 12, "H"),
    ("AAAAAACC", 5, 12, "H"), ("AAAAAACA", 6, 13, "H"), ("AAAAAAAC", 6, 13, "H"), ("AAAAAAAB", 6, 13, "H"),
    ("AAAAABCB", 4, 10, "G"),
)  # fmt: skip

ENTRY = Instrument(
    name="aggir",
    title=gettext_lazy("Grille AGGIR"),
    purpose=gettext_lazy("Ce que la personne fait seule, et le GIR estimé qui en découle."),
    version="CASF annexe 2-2",
    tier=Tier.OPEN,
    rights=Rights.TO_CONFIRM,
    licence=gettext_lazy(
        "Outil légal, imprimé dans le Code. Le décret de 1997, abrogé, réservait l’usage lucratif de l’algorithme au Syndicat "
        "national de gérontologie clinique ; l’annexe en vigueur ne le dit plus. À faire confirmer par un juriste."
    ),
    source=gettext_lazy(
        "Code de l’action sociale et des familles, annexe 2-2 (calcul, vérifié sur les 6 561 profils) ; annexe 2-1 pour les "
        "adverbes et les sous-variables, à confirmer sur le guide officiel."
    ),
    certainty=Certainty.A,
    missing=gettext_lazy(
        "Les huit variables qui comptent sont nécessaires. Une réponse qui manque : pas de GIR, sauf si aucune des réponses "
        "possibles n’y changerait rien."
    ),
    score=score,
    golden=tuple(
        (dict(zip(WEIGHING, letters, strict=True)), {"gir": gir, "rang": rank, "groupe": group})
        for letters, gir, rank, group in _GOLDEN
    ),
    lowest=1,
    highest=6,
    better="up",
    warning=ESTIMATE,
)
