"""What the code must know of the NOS without a database: professions and kinds of structure.

The tables are `data/professions.csv` and `data/structure_kinds.csv`; `data/README.md` says where they come from.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from cercle.base.web.french import english

DATA = Path(__file__).parent / "data"

HEALTH, SOCIAL, OTHER = "health", "social", "other"


class Profession(NamedTuple):
    system: str
    code: str
    kind: str
    tint: str
    noun: str
    noun_f: str
    noun_en: str


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
PHYSICIANS_EN = {
    "SM53": "general practitioner", "SM54": "general practitioner", "SM26": "general practitioner", "SM02": "anaesthetist",
    "SM04": "cardiologist", "SM15": "dermatologist", "SM18": "geriatrician", "SM24": "gastroenterologist", "SM32": "neurologist",
    "SM38": "ophthalmologist", "SM40": "paediatrician", "SM41": "pulmonologist", "SM42": "psychiatrist", "SM44": "radiologist",
    "SM48": "rheumatologist",
}  # fmt: skip


def short_label(
    system: str, code: str, *, feminine: bool, liberal: bool, specialty: str = "", fallback: str = "", in_english=False
) -> str:
    found = profession(system, code)
    if not found:
        return fallback or code
    if in_english:
        return _in_english(found, specialty)
    if (system, code) == ("TRE_G15", "10") and specialty in PHYSICIANS:
        return PHYSICIANS[specialty].capitalize()
    words = found.noun_f if feminine else found.noun
    if (system, code) == ("TRE_G15", "60") and specialty.startswith("SI"):
        return f"{words} en pratique avancée".capitalize()
    if liberal and (system, code) == ("TRE_G15", "60"):
        words += " libérale" if feminine else " libéral"
    return words[:1].upper() + words[1:]


def _in_english(found: Profession, specialty: str) -> str:
    words = found.noun_en
    if (found.system, found.code) == ("TRE_G15", "10"):
        words = PHYSICIANS_EN.get(specialty, words)
    elif (found.system, found.code) == ("TRE_G15", "60") and specialty.startswith("SI"):
        words = "nurse practitioner"
    return words[:1].upper() + words[1:]


# What the search offers: the professions of a coordination, most common first, then the others under « Autres ».
USUAL = (
    ("TRE_G15", "60"), ("TRE_G15", "10"), ("TRE_G15", "70"), ("TRE_G15", "21"), ("TRE_G15", "50"), ("TRE_G15", "91"),
    ("TRE_G15", "40"), ("TRE_G15", "35"), ("JDV_J48", "41"), ("JDV_J48", "93"), ("TRE_G15", "94"), ("TRE_G15", "95"),
    ("JDV_J48", "301"), ("JDV_J48", "350"),
)  # fmt: skip

KIND_LABELS = {
    "hospital": _("Hôpital ou clinique"), "had": _("Hospitalisation à domicile"), "ehpad": _("EHPAD"), "ssiad": _("SSIAD"),
    "home_care": _("Service autonomie à domicile"), "pharmacy": _("Pharmacie"), "laboratory": _("Laboratoire"),
    "msp": _("Maison de santé"), "health_centre": _("Centre de santé"), "practice": _("Cabinet"),
    "dac": _("Dispositif d’appui à la coordination"), "cpts": _("CPTS"), "clic": _("CLIC"), "mdph": _("MDPH"),
    "esms": _("Établissement ou service médico-social"), "grades": _("GRADeS"), "transport": _("Transport sanitaire"),
    "shop": _("Appareillage et matériel"), "other": _("Autre structure"),
}  # fmt: skip


def profession_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Grouped choices for a form: usual ones, then the rest by name. Values are « SYSTEM:code »."""
    table, in_english = professions(), english()

    def choice(key: tuple[str, str]) -> tuple[str, str]:
        found = table[key]
        noun = found.noun_en if in_english else found.noun
        return f"{found.system}:{found.code}", noun[:1].upper() + noun[1:]

    usual = [choice(key) for key in USUAL]
    # The 300s of JDV_J48 repeat other codes for past experiments: not offered.
    old = {k for k in table if k[0] == "JDV_J48" and len(k[1]) == 3} | {("TRE_G15", "93")}
    rest = sorted((choice(k) for k in table if k not in USUAL and k not in old), key=lambda c: c[1])
    return [(_("Les plus recherchées"), usual), (_("Autres professions"), rest)]  # type: ignore[list-item]
