"""The AGGIR grid's own screen, drawn from answers: rows, « GIR estimé », why, what would change it.

Nothing here computes a GIR: `instruments.aggir` does. Answers are `{linkId: value}` as `registry.profile_of` reads them, the
letters and the adverbs (lists of codes) together.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .instruments import aggir

SYSTEM = "urn:cercle:codes:aggir"
NOTE = 200  # characters of « ce qu'on observe »

LABELS: dict[str, Any] = {
    "coherence": gettext_lazy("Cohérence"),
    "orientation": gettext_lazy("Orientation"),
    "toilette": gettext_lazy("Toilette"),
    "habillage": gettext_lazy("Habillage"),
    "alimentation": gettext_lazy("Alimentation"),
    "elimination": gettext_lazy("Élimination"),
    "transferts": gettext_lazy("Transferts"),
    "deplacement_interieur": gettext_lazy("Déplacement intérieur"),
    "deplacement_exterieur": gettext_lazy("Déplacement extérieur"),
    "communication_distance": gettext_lazy("Communication à distance"),
    "gestion": gettext_lazy("Gestion"),
    "cuisine": gettext_lazy("Cuisine"),
    "menage": gettext_lazy("Ménage"),
    "transport": gettext_lazy("Transport"),
    "achats": gettext_lazy("Achats"),
    "suivi_traitement": gettext_lazy("Suivi du traitement"),
    "temps_libre": gettext_lazy("Temps libre"),
}
HINTS: dict[str, Any] = {
    "coherence": gettext_lazy("Converser et se comporter de façon sensée."),
    "orientation": gettext_lazy("Se repérer dans le temps et dans les lieux."),
    "toilette": gettext_lazy("Se laver, le haut et le bas du corps."),
    "habillage": gettext_lazy("S’habiller, se déshabiller, se présenter."),
    "alimentation": gettext_lazy("Se servir et manger ce qui est préparé."),
    "elimination": gettext_lazy("Assurer l’hygiène de l’élimination."),
    "transferts": gettext_lazy("Se lever, se coucher, s’asseoir."),
    "deplacement_interieur": gettext_lazy("Se déplacer chez soi."),
    "deplacement_exterieur": gettext_lazy("Dehors, sans moyen de transport."),
    "communication_distance": gettext_lazy("Téléphone, sonnette, alarme."),
    "gestion": gettext_lazy("ses affaires, son budget"),
    "cuisine": gettext_lazy("préparer ses repas"),
    "menage": gettext_lazy("les travaux de la maison"),
    "transport": gettext_lazy("en prendre ou en commander un"),
    "achats": gettext_lazy("sur place ou à distance"),
    "suivi_traitement": gettext_lazy("suivre l’ordonnance"),
    "temps_libre": gettext_lazy("seul ou en groupe"),
}
ALONE = gettext_lazy("Sans l’aide de quelqu’un, avec son matériel habituel.")
PART_LABELS: dict[str, Any] = {
    "coherence.communication": gettext_lazy("Communication"),
    "coherence.comportement": gettext_lazy("Comportement"),
    "orientation.temps": gettext_lazy("Dans le temps"),
    "orientation.espace": gettext_lazy("Dans l’espace"),
    "toilette.haut": gettext_lazy("Haut du corps"),
    "toilette.bas": gettext_lazy("Bas du corps"),
    "habillage.haut": gettext_lazy("Haut"),
    "habillage.moyen": gettext_lazy("Milieu : boutons, ceinture"),
    "habillage.bas": gettext_lazy("Bas et chaussures"),
    "alimentation.se_servir": gettext_lazy("Se servir"),
    "alimentation.manger": gettext_lazy("Manger"),
    "elimination.urinaire": gettext_lazy("Urinaire"),
    "elimination.fecale": gettext_lazy("Fécale"),
}
ADVERBS: tuple[tuple[str, Any, Any], ...] = (
    ("spontanement", gettext_lazy("spontanément"), gettext_lazy("il faut le lui dire")),
    ("totalement", gettext_lazy("totalement"), gettext_lazy("tout le geste n’est pas fait")),
    ("correctement", gettext_lazy("correctement"), gettext_lazy("gestes mal assurés ou risqués")),
    ("habituellement", gettext_lazy("habituellement"), gettext_lazy("pas à chaque fois")),
)
LETTER_WORDS = {
    "A": gettext_lazy("Fait seul."),
    "B": gettext_lazy("Fait en partie."),
    "C": gettext_lazy("Ne fait pas."),
}


# --- From the fields to the answers -------------------------------------------------------------------------------------


def answers_of(typed: Mapping[str, list[str]]) -> dict[str, Any]:
    """What the fields say (`answers.typed_of`); a value that is none of the grid's is no answer. Ticked adverbs decide the letter."""
    found: dict[str, Any] = {}
    for name in aggir.VARIABLES:
        letter = next(iter(_codes(typed, name)), "")
        if letter in aggir.LETTERS:
            found[name] = letter
        if name not in aggir.DISCRIMINATING:
            continue
        ticked = {part: _adverbs(typed, f"{name}.{part}") for part in aggir.parts_of(name)}
        if any(ticked.values()):
            found |= {f"{name}.{part}": codes for part, codes in ticked.items() if codes}
            found[name] = aggir.by_adverbs(name, ticked)
        if note := " ".join("".join(typed.get(f"q-{name}.note", [])[:1]).split())[:NOTE]:
            found[f"{name}.note"] = note
    return found


def settled(typed: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The same fields, each letter being what its adverbs say: a page whose script did not run is told right too."""
    letters = letters_of(answers_of(typed))
    return {**typed, **{f"q-{name}": [f"{SYSTEM}|{letter}"] for name, letter in letters.items()}}


def _codes(typed: Mapping[str, list[str]], link: str) -> list[str]:
    return [value.removeprefix(f"{SYSTEM}|") for value in typed.get(f"q-{link}", []) if value.startswith(f"{SYSTEM}|")]


def _adverbs(typed: Mapping[str, list[str]], link: str) -> list[str]:
    told = _codes(typed, link)
    return [code for code in aggir.ADVERBS if code in told]


# --- What the screen shows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """The last signed grid, to compare with."""

    on: date
    answers: Mapping[str, Any]

    @property
    def letters(self) -> dict[str, str]:
        return letters_of(self.answers)

    @property
    def gir(self) -> int | None:
        girs = aggir.possible(self.letters)
        return girs[0] if len(girs) == 1 else None

    def month(self, today: date) -> str:
        """« décembre », « décembre 2024 »; `short`: « déc. »"""
        recent = (today.year - self.on.year) * 12 + today.month - self.on.month < 12
        return date_format(self.on, "F" if recent else "F Y").lower()

    def short(self, today: date) -> str:
        recent = (today.year - self.on.year) * 12 + today.month - self.on.month < 12
        return date_format(self.on, "N" if recent else "N Y").lower()


def letters_of(answers: Mapping[str, Any]) -> dict[str, str]:
    return {name: answers[name] for name in aggir.VARIABLES if answers.get(name) in aggir.LETTERS}


def rows(answers: Mapping[str, Any], before: Before | None, today: date) -> list[dict[str, Any]]:
    old = before.letters if before else {}
    found = []
    for number, name in enumerate(aggir.DISCRIMINATING, 1):
        parts = [_part(name, part, answers) for part in aggir.parts_of(name)]
        letter, was = answers.get(name, ""), old.get(name, "")
        found.append(
            {
                "number": number,
                "name": name,
                "label": LABELS[name],
                "hint": HINTS[name],
                "note": answers.get(f"{name}.note", ""),
                "letter": letter,
                "words": LETTER_WORDS.get(letter, ""),
                "letters": [(one, LETTER_WORDS[one], one == letter) for one in aggir.LETTERS],
                "parts": parts,
                "several": len(parts) > 1,
                "told": any(part["told"] for part in parts),
                "table": _combinations(name),
                "counts": name in aggir.WEIGHING,
                "was": was,
                "trend": "" if not letter or not was or letter == was else "worse" if letter > was else "better",
            }
        )
    return found


def _part(name: str, part: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    link = f"{name}.{part}"
    ticked = answers.get(link, [])
    ticked = ticked if isinstance(ticked, list) else [ticked]
    told = any(answers.get(f"{name}.{other}") for other in aggir.parts_of(name))
    return {
        "name": link,
        "label": PART_LABELS.get(link, LABELS[name]),
        "adverbs": [(code, word, why, code in ticked) for code, word, why in ADVERBS],
        "letter": aggir.of_adverbs(ticked) if told else "",
        "told": bool(ticked),
    }


def _combinations(name: str) -> str:
    """Letters of the parts to the letter of the variable, for the page to show at once what the server will say."""
    several = len(aggir.parts_of(name))
    every = ["".join(letters) for letters in product(aggir.LETTERS, repeat=several)]
    return json.dumps({letters: aggir.combine(name, letters) if several > 1 else letters for letters in every})


def illustrative(answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": LABELS[name],
            "hint": HINTS[name],
            "letters": [(one, LETTER_WORDS[one], answers.get(name) == one) for one in aggir.LETTERS],
        }
        for name in aggir.ILLUSTRATIVE
    ]


def result(answers: Mapping[str, Any], before: Before | None, today: date) -> dict[str, Any]:
    letters = letters_of(answers)
    left = sum(name not in letters for name in aggir.DISCRIMINATING)
    girs = aggir.possible(letters)
    gir = girs[0] if len(girs) == 1 else None
    complete = all(name in letters for name in aggir.WEIGHING)
    found: dict[str, Any] = {
        "answered": len(aggir.DISCRIMINATING) - left,
        "of": len(aggir.DISCRIMINATING),
        "illustrative_answered": sum(name in letters for name in aggir.ILLUSTRATIVE),
        "gir": gir,
        "label": aggir.GIR_LABELS[gir] if gir else "",
        "scale": [(n, n == gir, n in girs) for n in range(1, 7)],
        "left": left,
        "left_words": _left_words(left, girs, complete),
        "warning": aggir.ESTIMATE,
        "by_adverbs": any(answers.get(f"{n}.{p}") for n in aggir.DISCRIMINATING for p in aggir.parts_of(n)),
        "before": _before(gir, before, today),
        "complete": complete,
    }
    if complete:
        eight = "".join(letters[name] for name in aggir.WEIGHING)
        steps = list(aggir.walk(eight))
        found |= {
            "steps": steps,
            "ends": _ends(steps[-1], aggir.of_letters(eight)),
            "points": _points(steps[-1]),
            "changes": _nearest(aggir.changes(eight), gir or 0),
        }
    return found


def _before(gir: int | None, before: Before | None, today: date) -> dict[str, Any] | None:
    if before is None or before.gir is None:
        return None
    trend = "" if gir is None or gir == before.gir else "down" if gir < before.gir else "up"
    words = _("%(gir)s en %(month)s") % {"gir": before.gir, "month": before.month(today)}
    return {"gir": before.gir, "words": words, "trend": trend}


def _left_words(left: int, girs: tuple[int, ...], complete: bool) -> str:
    if left and len(girs) == 1:
        return ngettext(
            "La réponse qui reste n’y changera rien.", "Les %(n)s réponses qui restent n’y changeront rien.", left
        ) % {"n": left}
    if complete:
        return _("Estimation : le Département seul fixe le GIR.")
    if len(girs) == 6:
        return _("Répondez pour voir l’estimation.")
    return _("GIR %(girs)s, selon les réponses qui restent.") % {"girs": _either(girs)}


def _either(girs: Iterable[int]) -> str:
    *most, last = [str(gir) for gir in girs]
    return _("%(most)s ou %(last)s") % {"most": ", ".join(most), "last": last} if most else last


def _ends(step: aggir.Step, found: aggir.Aggir) -> dict[str, Any]:
    reached = step.rank != aggir.LAST_RANK
    return {
        "lead": _("Premier seuil atteint :") if reached else _("Aucun seuil atteint jusqu’au groupe H :"),
        "words": (_("groupe %(group)s, rang %(rank)s, donc GIR %(gir)s") if reached else _("rang %(rank)s, donc GIR %(gir)s"))
        % {"group": found.group, "rank": found.rank, "gir": found.gir},
    }  # fmt: skip


def _points(step: aggir.Step) -> str:
    """« toilette 500, puis orientation, habillage, élimination et transferts, 100 chacun »"""
    by_value: dict[int, list[str]] = {}
    for name, value in zip(aggir.WEIGHING, step.points, strict=True):
        if value:
            by_value.setdefault(value, []).append(str(LABELS[name]).lower())
    told = []
    for value, names in sorted(by_value.items(), reverse=True):
        if len(names) == 1:
            told.append(f"{names[0]} {value}")
        else:
            listed = _("%(most)s et %(last)s") % {"most": ", ".join(names[:-1]), "last": names[-1]}
            told.append(_("%(names)s, %(value)s chacun") % {"names": listed, "value": value})
    return _(", puis ").join(told)


def _nearest(changes: list[aggir.Change], gir: int) -> list[dict[str, Any]]:
    """Two ways up and two ways down at most: the smallest steps first."""
    words = {
        (True, "A"): _("%(what)s, fait seul (A)"),
        (True, "B"): _("%(what)s, fait en partie (B)"),
        (False, "B"): _("%(what)s, plus qu’en partie (B)"),
        (False, "C"): _("%(what)s, ne fait plus (C)"),
    }
    found = []
    for up in (True, False):
        nearest = {(one.variable, one.gained): one for one in reversed(changes) if (one.gir > gir) is up}
        for change in sorted(nearest.values(), key=changes.index)[:2]:
            found.append(
                {
                    "up": up,
                    "words": words[change.gained, change.letter] % {"what": LABELS[change.variable]},
                    "gir": change.gir,
                    "odd": change.odd,
                }
            )
    return found


def context(answers: Mapping[str, Any], before: Before | None, today: date) -> dict[str, Any]:
    return {
        "rows": rows(answers, before, today),
        "illustrative": illustrative(answers),
        "result": result(answers, before, today),
        "was_short": before.short(today) if before else "",
        "was_month": before.month(today) if before else "",
        "adverbs": [(word, why) for _code, word, why in ADVERBS],
        "alone": ALONE,
        "system": SYSTEM,
    }
