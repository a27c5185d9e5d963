"""Names as people of each age bear them, and the other traits of an invented person."""

import csv
from bisect import bisect
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

DATA = Path(__file__).parent / "data"
BRETON = 5  # how much more often than in the whole country a Breton name is drawn
NO_ACCENT = str.maketrans("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸ", "AAACEEEEIIOOUUUY")
STREETS = (
    "rue du Port", "rue de l’Église", "rue des Pins", "impasse du Lavoir", "rue du Général de Gaulle", "route de la Plage", "rue Anatole Le Braz",
    "allée des Camélias", "rue des Écoles", "hent Kerlaz", "rue Jean Moulin", "venelle du Moulin", "rue du Château", "place des Tilleuls",
    "chemin de Kerangall", "rue de la Fontaine", "rue Per Jakez Hélias", "rue des Bruyères", "résidence Kermaria", "quai de la Cale",
)  # fmt: skip


@cache
def _given(sex: str, decade: int) -> tuple[list[str], list[float]]:
    with (DATA / f"given_{sex.lower()}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    column = f"d{min(max(decade, 1920), 2020)}"
    weights = [int(r[column]) * (BRETON if r["breton"] == "1" else 1) for r in rows]
    return [r["name"] for r in rows], list(accumulate(weights))


@cache
def _family() -> tuple[list[str], list[float]]:
    with (DATA / "family.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    weights = [int(r["births"]) ** 0.6 * (3 * BRETON if r["breton"] == "1" else 1) for r in rows]
    return [r["name"] for r in rows], list(accumulate(weights))


def _draw(rng: Random, table: tuple[list[str], list[float]]) -> str:
    names, weights = table
    return names[bisect(weights, rng.random() * weights[-1])]


def given(rng: Random, sex: str, year: int) -> str:
    """In capitals with its accents, as frequent as in the decade of birth."""
    return _draw(rng, _given(sex, year // 10 * 10))


def family(rng: Random) -> str:
    return _draw(rng, _family())


def strict(name: str) -> str:
    return name.translate(NO_ACCENT).replace("’", "'")


def soften(name: str) -> str:
    """« LE GALL » to « Le Gall », « MARIE-THÉRÈSE » to « Marie-Thérèse »."""
    return " ".join("-".join(p.capitalize() for p in word.split("-")) for word in name.split())


def born(rng: Random, today: date, youngest: int, oldest: int) -> date:
    low, high = today - timedelta(days=365.25 * oldest), today - timedelta(days=365.25 * youngest)
    # More old people than young ones within the range.
    share = 1 - rng.random() ** 1.4
    return low + timedelta(
        days=int((high - low).days * (1 - share * 0.9 if rng.random() < 0.35 else 0.55 - share * 0.5))
    )


def matricule(sex: str, birth: date, department: str, order: int) -> str:
    """Shaped like an INS with a right key, in a commune that does not exist (9xx of its department): nobody's number."""
    body = f"{2 if sex == 'F' else 1}{birth:%y%m}{department}9{order // 1000 % 100:02}{order % 1000:03}"
    return f"{body}{97 - int(body) % 97:02}"


def phone(rng: Random, mobile: bool) -> str:
    """In the blocks that ARCEP keeps for fiction."""
    return f"063998{rng.randrange(10000):04}" if mobile else f"026191{rng.randrange(10000):04}"
