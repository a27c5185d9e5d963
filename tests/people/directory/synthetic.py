"""A PS_LibreAcces file of any size, with invented people in real communes. `python -m tests.people.directory.synthetic N FILE`."""

import csv
import gzip
import itertools
import random
import sys
from collections.abc import Iterator

from cercle.people.directory import keys
from cercle.people.directory.nomenclature import DATA

HEADER = (
    "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|Libellé civilité exercice|"
    "Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|Code profession|Libellé profession|"
    "Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|Libellé type savoir-faire|"
    "Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|Numéro SIRET site|Numéro SIREN site|"
    "Numéro FINESS site|Numéro FINESS établissement juridique|Identifiant technique de la structure|Raison sociale site|"
    "Enseigne commerciale site|Complément destinataire (coord. structure)|Complément point géographique (coord. structure)|"
    "Numéro Voie (coord. structure)|Indice répétition voie (coord. Structure)|Code type de voie (coord. structure)|"
    "Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|Mention distribution (coord. structure)|"
    "Bureau cedex (coord. structure)|Code postal (coord. structure)|Code commune (coord. structure)|"
    "Libellé commune (coord. structure)|Code pays (coord. structure)|Libellé pays (coord. structure)|"
    "Téléphone (coord. structure)|Téléphone 2 (coord. structure)|Télécopie (coord. structure)|"
    "Adresse e-mail (coord. structure)|Code département (coord. structure)|Libellé département (coord. structure)|"
    "Ancien identifiant de la structure|Autorité d'enregistrement|Code secteur d'activité|Libellé secteur d'activité|"
    "Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code fonction|Libellé fonction|"
    "Code genre d'activité|Libellé genre d'activité|"
)
COLUMNS = HEADER.rstrip("|").split("|")

STARTS = "Ker Le Du Tre Plou Mor Gal Bel Cas Dor Fle Gui Har Jou Lan Mar Nic Oli Per Qui Rou Sal Ten Val Bou Cha Dela".split()
MIDDLES = "a e i o u an en on ou ar er ir al el il au ei oi ma ne ri lo du ba ce".split()
ENDS = "ec gou vel lan nec mard ton rier lec dic bert nou vin zan mec guen det son lier dou ".split(" ")
GIVEN = (
    "Anne Maëlle Yann Erwan Soizic Gaël Nolwenn Tanguy Éloïse Léa Hugo Inès Louis Zoé Paul Marie-Claude Jean-Luc Rozenn "
    "Loïc Chloé David Alice Bruno Katell Ronan Mael Enora Malo Solenn Titouan Agnès Benoît Cécile Denis François Hélène"
).split()
PROFESSIONS = [
    ("10", "Médecin", 24), ("60", "Infirmier", 40), ("70", "Masseur-Kinésithérapeute", 12), ("21", "Pharmacien", 9),
    ("40", "Chirurgien-Dentiste", 5), ("50", "Sage-Femme", 3), ("91", "Orthophoniste", 4), ("80", "Pédicure-Podologue", 3),
]  # fmt: skip
SKILLS = [("SM54", "Médecine générale"), ("SM04", "Cardiologie et maladies vasculaires"), ("SM42", "Psychiatrie"),
          ("SM18", "Gériatrie"), ("SM40", "Pédiatrie"), ("SM38", "Ophtalmologie")]  # fmt: skip


def lines(count: int, seed: int = 1) -> Iterator[str]:
    """`count` activity lines after the header; about one person in three has two."""
    pick = random.Random(seed)
    with gzip.open(DATA / "communes.csv.gz", "rt", encoding="utf-8") as file:
        communes = [r for r in csv.DictReader(file) if r["kind"] == "COM" and r["postal_codes"] and r["population"]]
    weights = list(itertools.accumulate(int(c["population"]) for c in communes))
    yield HEADER
    done = person = 0
    while done < count:
        person += 1
        rpps = f"98{person:08d}"
        rpps += keys.luhn_key(rpps)
        family = "".join([pick.choice(STARTS), *pick.choices(MIDDLES, k=pick.randint(1, 3)), pick.choice(ENDS)]).upper()
        given, gender = pick.choice(GIVEN), pick.choice(("M", "MME"))
        code, label, _w = pick.choices(PROFESSIONS, [p[2] for p in PROFESSIONS])[0]
        for place in range(pick.choice((1, 1, 2))):
            if done >= count:
                return
            done += 1
            home = pick.choices(communes, cum_weights=weights)[0]
            skill = pick.choices(SKILLS, [60, 8, 8, 5, 7, 4])[0] if code == "10" else ("", "")
            values = dict.fromkeys(COLUMNS, "")
            values |= {
                "Type d'identifiant PP": "8", "Identifiant PP": rpps, "Identification nationale PP": "8" + rpps,
                "Code civilité d'exercice": "DR" if code == "10" else "", "Code civilité": gender,
                "Nom d'exercice": family, "Prénom d'exercice": given.upper(), "Code profession": code,
                "Libellé profession": label, "Code catégorie professionnelle": "C",
                "Code type savoir-faire": "S" if skill[0] else "", "Code savoir-faire": skill[0], "Libellé savoir-faire": skill[1],
                "Code mode exercice": "L" if place == 0 else "S", "Identifiant technique de la structure": f"C{done // 2:014d}",
                "Raison sociale site": f"CABINET {family}"[:100], "Numéro Voie (coord. structure)": str(pick.randint(1, 99)),
                "Code type de voie (coord. structure)": "R", "Libellé type de voie (coord. structure)": "Rue",
                "Libellé Voie (coord. structure)": "DES ECOLES", "Code postal (coord. structure)": home["postal_codes"][:5],
                "Bureau cedex (coord. structure)": f"{home['postal_codes'][:5]} {home['name'].upper()}",
                "Code commune (coord. structure)": home["code"], "Libellé commune (coord. structure)": home["name"],
                "Téléphone (coord. structure)": f"02{pick.randint(10_000_000, 99_999_999)}",
                "Code secteur d'activité": "SA07", "Code genre d'activité": "GENR01",
            }  # fmt: skip
            yield "|".join(values[c] for c in COLUMNS) + "|"


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in lines(int(sys.argv[1])))
