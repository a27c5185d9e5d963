"""Invented people with the accidents of real registers, to train and to judge the matcher: never shipped, never real.

    python bench/matching_people.py --records 100000 --mix like --seed 3 --out people.csv

Persons are drawn from public frequencies (bench/data, see its README); relatives are put beside them on purpose (twins,
siblings, parent and child of one name, homonyms), then records are copied with accidents. A mix says how often each happens.
"""

import argparse
import csv
import random
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path

DATA = Path(__file__).parent / "data"
HEADER = (
    "id_enregistrement", "id_personne", "alterations", "nom_naissance", "nom_utilise", "premier_prenom", "prenoms", "sexe",
    "date_naissance", "cog_naissance", "matricule_ins", "telephone", "adresse", "code_postal", "commune",
)  # fmt: skip
STREETS = (
    "RUE DU BOURG", "RUE DES ECOLES", "PLACE DE L EGLISE", "RUE DE LA GARE", "RUE VICTOR HUGO", "ALLEE DES TILLEULS",
    "ROUTE DE RENNES", "RUE DES LILAS", "RUE JEAN JAURES", "IMPASSE DES CHENES", "LE PETIT BOURG", "RUE DE BREST",
    "RUE DU STADE", "AVENUE DE LA REPUBLIQUE", "RUE DU 19 MARS 1962", "LIEU DIT KERVRAN", "RUE DE LA MAIRIE", "CHEMIN VERT",
    "RUE PASTEUR", "RUE DU MOULIN", "ROUTE DE QUIMPER", "BOULEVARD DE LA LIBERTE", "RUE SAINT MICHEL", "VENELLE DU PUITS",
)  # fmt: skip
COUNTRIES = ("99352", "99350", "99351", "99139", "99134", "99109", "99127", "99341", "99335", "99122")
# Twins whose names are one letter apart are still two people: the sexes of the pair, then the names.
TWINS = (
    ("MF", "JEAN", "JEANNE"), ("FM", "LÉA", "LÉO"), ("FF", "MARIE", "MARINE"), ("MF", "PAUL", "PAULE"), ("MF", "LOUIS", "LOUISE"),
    ("FF", "MARIE", "MARIA"), ("MF", "MICHEL", "MICHELLE"), ("MF", "GABRIEL", "GABRIELLE"), ("MM", "MARCEL", "MARTIAL"),
    ("MM", "HENRI", "HENRY"), ("FF", "LOUISE", "LUCIE"), ("FF", "JEANNE", "JEANINE"), ("MM", "ALAIN", "ALAN"), ("MF", "DANIEL", "DANIELE"),
)  # fmt: skip


@dataclass(frozen=True)
class Mix:
    """Chance of each accident on a copied record; of each kind of relative per person."""

    clean: float = 0.05
    truncated: float = 0.46
    no_ins: float = 0.44
    wrong_ins: float = 0.05
    phone: float = 0.40
    address: float = 0.33
    family: float = 0.24
    used: float = 0.19
    given: float = 0.21
    place: float = 0.22
    date: float = 0.14
    sex: float = 0.02
    # Accidents the given file does not have.
    accents: float = 0.0
    particle: float = 0.0
    inverted: float = 0.0
    partial_date: float = 0.0
    two_typos: float = 0.0
    no_used: float = 0.02
    old_place: float = 0.0
    # Who stands beside.
    twin: float = 0.018
    sibling: float = 0.028
    homonym: float = 0.028
    generation: float = 0.014
    shared_phone: float = 0.0
    near_twin: float = 0.0
    copies: tuple[float, ...] = (0.71, 0.25, 0.034, 0.006)  # chance of 1, 2, 3, 4 records


MIXES = {
    "like": Mix(),
    "shared": Mix(shared_phone=0.6, near_twin=0.25, twin=0.03, generation=0.03, homonym=0.03),
    "harsh": Mix(
        clean=0.02, truncated=0.5, no_ins=0.55, wrong_ins=0.08, phone=0.5, address=0.45, family=0.32, used=0.22, given=0.28,
        place=0.28, date=0.2, sex=0.03, accents=0.3, particle=0.1, inverted=0.02, partial_date=0.04, two_typos=0.06,
        no_used=0.1, old_place=0.1, shared_phone=0.3, near_twin=0.1,
    ),
    "other": Mix(
        clean=0.2, truncated=0.35, no_ins=0.3, wrong_ins=0.1, phone=0.3, address=0.5, family=0.2, used=0.3, given=0.15,
        place=0.15, date=0.2, sex=0.04, accents=0.5, particle=0.1, inverted=0.02, partial_date=0.05, two_typos=0.03,
        no_used=0.3, old_place=0.15, shared_phone=0.5, near_twin=0.1, copies=(0.6, 0.3, 0.08, 0.02),
    ),
    "single": Mix(copies=(1.0,), shared_phone=0.5),
}  # fmt: skip


class Draw:
    """Weighted choices over the public frequencies."""

    def __init__(self, data: Path = DATA):
        families = list(csv.DictReader((data / "family_names.csv").open(encoding="utf-8")))
        self.names = [r["name"] for r in families]
        self.name_weights = list(accumulate(int(r["births"]) * (12 if r["breton"] == "1" else 1) for r in families))
        givens = list(csv.DictReader((data / "given_names.csv").open(encoding="utf-8")))
        self.given: dict[tuple[str, int], tuple[list[str], list[int]]] = {}
        for sex in "MF":
            mine = [r for r in givens if r["sex"] == sex]
            for decade in range(1900, 2030, 10):
                self.given[sex, decade] = (
                    [r["name"] for r in mine],
                    list(accumulate(int(r[f"d{decade}"]) for r in mine)),
                )
        communes = list(csv.DictReader((data / "communes.csv").open(encoding="utf-8")))
        self.homes = [
            (r["code"], r["name"].upper().replace("’", "'"), r["postcode"]) for r in communes if r["home"] == "1"
        ]
        self.home_weights = list(accumulate(int(r["population"]) for r in communes if r["home"] == "1"))
        self.towns = [r["code"] for r in communes]
        self.town_weights = list(accumulate(int(r["population"]) * (4 if r["home"] == "1" else 1) for r in communes))


@cache
def draw() -> Draw:
    return Draw()


@dataclass(frozen=True)
class Person:
    family: str
    used: str
    givens: tuple[str, ...]
    sex: str
    date: tuple[int, int, int]
    place: str
    ins: str
    phone: str
    number: int
    street: str
    postcode: str
    commune: str


def pick(r: random.Random, items, cumulative):
    return r.choices(items, cum_weights=cumulative)[0]


def make_ins(r: random.Random, sex: str, date, place: str) -> str:
    body = f"{1 if sex == 'M' else 2}{date[0] % 100:02}{date[1]:02}{place}{r.randint(1, 320):03}"
    number = int(body.replace("2A", "19").replace("2B", "18"))
    return f"{body}{97 - number % 97:02}"


def givens_for(r: random.Random, sex: str, year: int) -> tuple[str, ...]:
    names, weights = draw().given[sex, max(1900, min(2020, year // 10 * 10))]
    older = draw().given[sex, max(1900, min(2020, year // 10 * 10 - 20))]
    out = [pick(r, names, weights)]
    for _ in range(r.choices((0, 1, 2), (4, 4, 3))[0]):
        other = pick(r, *older)
        if other not in out:
            out.append(other)
    return tuple(out)


def person(r: random.Random) -> Person:
    d = draw()
    sex = r.choice("MF")
    year = int(r.triangular(1921, 2012, 1955))
    date = (year, r.randint(1, 12), r.randint(1, 28))
    family = pick(r, d.names, d.name_weights)
    place = r.choice(COUNTRIES) if r.random() < 0.07 else pick(r, d.towns, d.town_weights)
    _, commune, postcode = pick(r, d.homes, d.home_weights)
    return with_ins(r, Person(
        family, married(r, sex, family, year), givens_for(r, sex, year), sex, date, place, "", new_phone(r),
        r.randint(1, 120), r.choice(STREETS), postcode, commune,
    ))  # fmt: skip


def with_ins(r: random.Random, p: Person) -> Person:
    return replace(p, ins=make_ins(r, p.sex, p.date, p.place) if r.random() < 0.75 else "")


def married(r: random.Random, sex: str, family: str, year: int) -> str:
    return pick(r, draw().names, draw().name_weights) if sex == "F" and year < 2002 and r.random() < 0.6 else family


def new_phone(r: random.Random) -> str:
    return f"06{r.randint(0, 99_999_999):08}"


def relatives(r: random.Random, p: Person, mix: Mix) -> list[Person]:
    out = []
    x = r.random()
    if x < mix.twin:
        sex = r.choice("MF")
        givens = givens_for(r, sex, p.date[0])
        if r.random() < mix.near_twin:
            (mine_sex, sex), mine, theirs = r.choice(TWINS)
            if mine_sex == p.sex:
                p = with_ins(r, replace(p, givens=(mine, *p.givens[1:])))
                givens = (theirs, *givens[1:])
                return [p, with_ins(r, twin_of(r, p, givens, sex, mix))]
        if givens[0] not in p.givens:
            out.append(replace(p, givens=givens, sex=sex, used=married(r, sex, p.family, p.date[0])))
    elif x < (top := mix.twin + mix.sibling):
        sex = r.choice("MF")
        year = p.date[0] + r.choice((-5, -4, -3, -2, -1, 1, 2, 3, 4, 5))
        date = (year, r.randint(1, 12), r.randint(1, 28))
        givens = givens_for(r, sex, year)
        if givens[0] != p.givens[0]:
            out.append(replace(p, givens=givens, sex=sex, date=date, used=married(r, sex, p.family, year)))
    elif x < (top := top + mix.homonym):
        date = (int(r.triangular(1921, 2012, 1955)), r.randint(1, 12), r.randint(1, 28))
        near = r.random()
        if near < 0.4:
            y, m, d = p.date
            date = r.choice(
                (
                    (y, m, d + 10 if d <= 18 else d - 10),
                    (y, d, m) if d <= 12 else (y, m, 1),
                    (y, r.randint(1, 12), d),
                    (y + r.randint(1, 9), m, d),
                    (y, m, r.randint(1, 28)),
                )
            )
        other = person(r)
        out.append(
            replace(
                other,
                family=p.family,
                used=married(r, p.sex, p.family, date[0]),
                sex=p.sex,
                date=date,
                givens=(p.givens[0], *givens_for(r, p.sex, date[0])[1:]),
            )
        )
    elif x < top + mix.generation:
        year = p.date[0] + r.randint(20, 35)
        date = (year, *p.date[1:]) if r.random() < 0.5 else (year, r.randint(1, 12), r.randint(1, 28))
        place = pick(r, draw().towns, draw().town_weights)
        others = tuple(g for g in givens_for(r, p.sex, year)[1:] if g != p.givens[0])
        out.append(
            replace(p, date=date, place=place, givens=(p.givens[0], *others), used=married(r, p.sex, p.family, year))
        )
    return [with_ins(r, o if r.random() < mix.shared_phone else replace(o, phone=new_phone(r))) for o in out]


def twin_of(r: random.Random, p: Person, givens: tuple[str, ...], sex: str, mix: Mix) -> Person:
    phone = p.phone if r.random() < mix.shared_phone else new_phone(r)
    return replace(p, givens=givens, sex=sex, used=married(r, sex, p.family, p.date[0]), phone=phone)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SOUNDS = (("S", "Z"), ("Z", "S"), ("C", "K"), ("QU", "K"), ("I", "Y"), ("Y", "I"), ("PH", "F"), ("AU", "O"), ("EAU", "AU"),
          ("LL", "L"), ("NN", "N"), ("TT", "T"), ("T", "TT"), ("H", ""), ("OU", "U"), ("EN", "AN"), ("AI", "E"))  # fmt: skip


def typo(r: random.Random, text: str) -> str:
    if len(text) < 3:
        return text + r.choice(LETTERS)
    kind = r.random()
    n = r.randrange(len(text) - 1)
    if kind < 0.3:
        heard = [(a, b) for a, b in SOUNDS if a in text]
        if heard:
            a, b = r.choice(heard)
            return text.replace(a, b, 1)
    if kind < 0.45:
        return text[:n] + text[n + 1] + text[n] + text[n + 2 :]
    if kind < 0.65:
        return text[:n] + text[n + 1 :]
    if kind < 0.8:
        return text[: n + 1] + text[n] + text[n + 1 :]
    return text[:n] + r.choice(LETTERS) + text[n + 1 :]


def date_accident(r: random.Random, y: int, m: int, d: int) -> tuple[int, int, int]:
    kind = r.random()
    if kind < 0.22:
        return (y, 1, 1)
    if kind < 0.40 and d <= 12:
        return (y, d, m)
    if kind < 0.58:
        return (y, m, max(1, d - 1) if r.random() < 0.7 else min(28, d + 1))
    if kind < 0.80:
        return (y, m, d + 10 if d <= 18 else d - 10)
    if kind < 0.90:
        return (y + r.choice((-1, 1)), m, d)
    if kind < 0.97:
        return (y + r.choice((-10, 10)), m, d)
    return (y, m, r.randint(1, 28))


ACCENTS = str.maketrans("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜ", "AAACEEEEIIOOUUU")


def record(r: random.Random, p: Person, mix: Mix, copy: bool) -> tuple[list[str], list[str]]:
    """(what was done to it, the columns after the identifiers)."""
    done: list[str] = []

    def happens(name: str, chance: float) -> bool:
        if r.random() < chance:
            done.append(name)
            return True
        return False

    family, used, first, givens, sex = p.family, p.used, p.givens[0], p.givens, p.sex
    date = "{:04}-{:02}-{:02}".format(*p.date)
    place, ins, phone = p.place, p.ins, p.phone
    number, street, postcode, commune = p.number, p.street, p.postcode, p.commune
    if copy and r.random() >= mix.clean:
        if happens("nom_naissance_utilise", mix.used):
            if family != used:
                family, used = used, r.choice((family, "", used))
            else:
                family = typo(r, family)
        if happens("faute_nom", mix.family):
            if " " in family and r.random() < 0.3:
                family = family.replace(" ", r.choice(("-", "")), 1)
            elif r.random() < 0.8:
                family = typo(r, family)
            else:
                used = typo(r, used)
        if happens("particule", mix.particle):
            family = family.removeprefix("LE ").removeprefix("DE ") if " " in family else family
        if happens("prenom", mix.given):
            if len(givens) > 1 and r.random() < 0.4:
                first = r.choice(givens[1:])
                givens = (first,) if r.random() < 0.6 else givens
            elif "-" in first and r.random() < 0.6:
                first = first.replace("-", " ") if r.random() < 0.6 else first.split("-")[0]
                givens = (first,) if r.random() < 0.5 else givens
            else:
                first = typo(r, first)
                givens = (first, *givens[1:]) if r.random() < 0.7 else givens
        if happens("deux_fautes", mix.two_typos):
            family, first = typo(r, family), typo(r, first)
            givens = (first, *givens[1:])
        if happens("prenoms_tronques", mix.truncated):
            givens = (first,)
        if happens("date", mix.date):
            date = "{:04}-{:02}-{:02}".format(*date_accident(r, *p.date))
        if happens("date_partielle", mix.partial_date):
            date = r.choice((date[:4], date[:4] + "-00-00", date[:7], date[:4] + "00", date[:7] + "-00"))
        if happens("sexe", mix.sex):
            sex = "M" if sex == "F" else "F"
        if happens("cog", mix.place):
            place = r.choice(("", "", "99100", pick(r, draw().towns, draw().town_weights)))
        if happens("cog_ancien", mix.old_place):
            place = {"2A": "20", "2B": "20"}.get(place[:2], place[:2]) + place[2:]
        if happens("ins_absent", mix.no_ins):
            ins = ""
        if ins and happens("ins_faute", mix.wrong_ins):
            n = r.randrange(1, 15)
            ins = ins[:n] + r.choice("0123456789") + ins[n + 1 :]
        if happens("tel", mix.phone):
            phone = r.choice(("", f"02{r.randint(0, 99_999_999):08}"))
        if happens("adresse", mix.address):
            _, commune, postcode = pick(r, draw().homes, draw().home_weights)
            number, street = r.randint(1, 120), r.choice(STREETS)
        if happens("sans_usage", mix.no_used):
            used = ""
        if happens("accents", mix.accents):
            first, givens = first.translate(ACCENTS), tuple(g.translate(ACCENTS) for g in givens)
            commune = commune.translate(ACCENTS).replace("-", " ")
            if r.random() < 0.5:
                street = street.replace("AVENUE", "AV").replace("PLACE", "PL").replace("ROUTE", "RTE").title()
                family, used = family.title(), used.title()
        if happens("inversion", mix.inverted):
            family, first = first, family
            givens = (first, *givens[1:])
    return done, [
        family,
        used,
        first,
        " ".join(givens),
        sex,
        date,
        place,
        ins,
        phone,
        f"{number} {street}",
        postcode,
        commune,
    ]


def people(count: int, mix: Mix, seed: int):
    """Rows in HEADER's order, `count` of them, in the order they were made (records of one person lie together)."""
    r = random.Random(seed)
    made = persons = 0
    while made < count:
        first = person(r)
        others = relatives(r, first, mix)
        if others and others[0].date == first.date and len(others) == 2:
            first, *others = others
        for p in (first, *others):
            persons += 1
            for n in range(r.choices(range(1, len(mix.copies) + 1), mix.copies)[0]):
                done, columns = record(r, p, mix, copy=n > 0)
                yield [f"R{made:07}", f"P{persons:07}", " ".join(done), *columns]
                made += 1
                if made == count:
                    return


def write(out: Path, count: int, mix: Mix, seed: int, shuffle: bool = True) -> Path:
    rows = list(people(count, mix, seed))
    if shuffle:
        random.Random(seed + 1).shuffle(rows)
    with out.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--mix", choices=MIXES, default="like")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(args.out, args.records, MIXES[args.mix], args.seed)


if __name__ == "__main__":
    main()
