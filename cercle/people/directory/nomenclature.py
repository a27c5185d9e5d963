"""What the code must know of the NOS without a database: professions and kinds of structure.

The tables are `data/professions.csv` and `data/structure_kinds.csv`; `data/README.md` says where they come from.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"

HEALTH, SOCIAL, OTHER = "health", "social", "other"


class Profession(NamedTuple):
    system: str
    code: str
    kind: str
    tint: str
    noun: str
    noun_f: str


@cache
def professions() -> dict[tuple[str, str], Profession]:
    with (DATA / "professions.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["system"], row["code"]): Profession(**row) for row in csv.DictReader(lines)}


def profession(system: str, code: str) -> Profession | None:
    return professions().get((system, code))


def profession_kind(system: str, code: str) -> str:
    """`health` (CSP part 4), `social` (the others of CSP R1110-2) or `other`: outside both lists, no clinical right."""
    found = profession(system, code)
    return found.kind if found else OTHER


@cache
def structure_kinds() -> dict[tuple[str, str], str]:
    with (DATA / "structure_kinds.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["system"], row["code"]): row["kind"] for row in csv.DictReader(lines)}


def structure_kind(category: str, sector: str = "") -> str:
    """dac, cpts, hospital, ehpad, ssiad, pharmacy, practice…; `other` when neither code says."""
    kinds = structure_kinds()
    return kinds.get(("TRE_R66", category)) or kinds.get(("TRE_R02", sector)) or "other"


def categories_of(kind: str) -> list[str]:
    """The FINESS categories (TRE_R66) of a kind of structure."""
    return [code for (system, code), found in structure_kinds().items() if system == "TRE_R66" and found == kind]


def sectors_of(kind: str) -> list[str]:
    return [code for (system, code), found in structure_kinds().items() if system == "TRE_R02" and found == kind]


# « Médecin cardiologue »: the word people use for the main specialties; the others show their official label.
PHYSICIANS = {
    "SM53": "médecin généraliste", "SM54": "médecin généraliste", "SM26": "médecin généraliste",
    "SM02": "anesthésiste-réanimateur", "SM04": "cardiologue", "SM15": "dermatologue", "SM18": "gériatre",
    "SM24": "gastro-entérologue", "SM32": "neurologue", "SM38": "ophtalmologiste", "SM40": "pédiatre",
    "SM41": "pneumologue", "SM42": "psychiatre", "SM44": "radiologue", "SM48": "rhumatologue",
}  # fmt: skip


def short_label(
    system: str, code: str, *, feminine: bool, liberal: bool, specialty: str = "", fallback: str = ""
) -> str:
    found = profession(system, code)
    if not found:
        return fallback or code
    if (system, code) == ("TRE_G15", "10") and specialty in PHYSICIANS:
        return PHYSICIANS[specialty].capitalize()
    words = found.noun_f if feminine else found.noun
    if (system, code) == ("TRE_G15", "60") and specialty.startswith("SI"):
        return f"{words} en pratique avancée".capitalize()
    if liberal and (system, code) == ("TRE_G15", "60"):
        words += " libérale" if feminine else " libéral"
    return words[:1].upper() + words[1:]
