"""One person against a few: the online half, with the reasons for each score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from . import levels as lv
from . import traits as t
from .people import of_traits
from .weights import Table, grouped, probability, table
from .words import combination, field_name, words_for

Decision = Literal["auto", "review"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line of the explanation; `weight` is what it adds to the log-odds (positive: same person)."""

    field: str
    level: str
    label: str  # « Date de naissance »
    words: str  # « jour et mois inversés »
    weight: float


@dataclass(frozen=True, slots=True)
class Comparison:
    score: float  # 0 to 1
    log_odds: float
    decision: Decision | None
    evidence: tuple[Evidence, ...]
    version: str  # of the weight table, kept with a stored score


def compare(a: t.Traits, b: t.Traits, *, profile: str = "fr") -> Comparison:
    """Symmetrical: `compare(a, b) == compare(b, a)`."""
    return rank(a, [b], profile=profile, every=True)[0][1]


def rank(
    person: t.Traits, others: Sequence[t.Traits], *, profile: str = "fr", every: bool = False
) -> list[tuple[int, Comparison]]:
    """(index in `others`, comparison) of those at or above the review threshold (or of all), best first."""
    if not others:
        return []
    weights = table(profile)
    people = of_traits([person, *others])
    count = len(others)
    levels = lv.compare(people, np.zeros(count, np.int64), np.arange(1, count + 1))
    scores = weights.score(levels)
    kept = [n for n in np.argsort(-scores, kind="stable").tolist() if every or scores[n] >= weights.review]
    return [(n, _explain(levels[n], float(scores[n]), weights)) for n in kept]


def decide(log_odds: float, weights: Table) -> Decision | None:
    return "auto" if log_odds >= weights.auto else "review" if log_odds >= weights.review else None


def _explain(levels: np.ndarray, log_odds: float, weights: Table) -> Comparison:
    evidence = []
    names = {}
    for n, field in enumerate(lv.FIELDS):
        level = names[field] = lv.LEVELS[field][levels[n]]
        if level != "missing":
            weight = float(weights.fields[n][levels[n]])
            evidence.append(Evidence(field, level, field_name(field), words_for(field, level), round(weight, 2)))
    groups = grouped(levels[None, :])
    together = sum(float(w[groups[a][0], groups[b][0]]) for (a, b), w in zip(lv.CROSSED, weights.crossed, strict=True))
    level, words = combination(names)
    evidence.append(Evidence("together", level, field_name("together"), words, round(together, 2)))
    return Comparison(
        round(float(probability(np.float64(log_odds))), 6),
        round(log_odds, 3),
        decide(log_odds, weights),
        tuple(evidence),
        weights.version,
    )


def normalise(traits: t.Traits) -> dict[str, object]:
    """What the matcher understood of what was typed, for tests and for the curious."""
    return {
        "birth_family": t.family(traits.birth_family)[0],
        "used_family": t.family(traits.used_family)[0],
        "givens": t.given_list(t.one_given(traits.first_given), t.givens(traits.birth_givens)),
        "used_given": t.one_given(traits.used_given),
        "sex": t.sex(traits.sex),
        "birth_date": t.birth_date(traits.birth_date),
        "birth_place": t.place(traits.birth_place),
        "ins": t.matricule(traits.ins),
        "nss": t.free_number(traits.nss),
        "phone": t.phone(traits.phone),
        "email": t.email(traits.email),
        "address": t.street(traits.address),
        "postcode": t.postcode(traits.postcode),
        "commune": t.commune(traits.commune),
    }
