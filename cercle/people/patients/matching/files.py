"""Files of people: any usual encoding, `,` or `;`, the columns of a known format or named by hand."""

import csv
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

from .people import Column
from .traits import FIELDS

Mapping = dict[str, tuple[str, ...]]  # a trait is one column, or several put end to end with a space

FORMATS: dict[str, Mapping] = {
    "fr": {
        "id": ("id_enregistrement",),
        "birth_family": ("nom_naissance",),
        "used_family": ("nom_utilise",),
        "first_given": ("premier_prenom",),
        "birth_givens": ("prenoms",),
        "sex": ("sexe",),
        "birth_date": ("date_naissance",),
        "birth_place": ("cog_naissance",),
        "ins": ("matricule_ins",),
        "phone": ("telephone",),
        "address": ("adresse",),
        "postcode": ("code_postal",),
        "commune": ("commune",),
    },
    "febrl": {
        "id": ("rec_id",),
        "birth_family": ("surname",),
        "first_given": ("given_name",),
        "birth_date": ("date_of_birth",),
        "nss": ("soc_sec_id",),
        "address": ("street_number", "address_1"),
        "postcode": ("postcode",),
        "commune": ("suburb",),
    },
}
NEEDED = ("id", "birth_family", "birth_date")


def parse_map(text: str) -> Mapping:
    """`id=num,birth_family=nom,address=no_voie+voie`, as written on the command line."""
    mapping: Mapping = {}
    for item in filter(None, (x.strip() for x in text.split(","))):
        field, equals, column = (x.strip() for x in item.partition("="))
        if not equals or not column or field not in (*FIELDS, "id"):
            raise Refused(
                _("« {item} » : écrire trait=colonne, où trait est l’un de : {fields}.").format(
                    item=item, fields=", ".join(("id", *FIELDS))
                ),
                "bad_map",
            )
        mapping[field] = tuple(c.strip() for c in column.split("+"))
    if missing := [f for f in NEEDED if f not in mapping]:
        raise Refused(_("La correspondance des colonnes ne nomme pas : {f}.").format(f=", ".join(missing)), "bad_map")
    return mapping


def read(
    path: Path, mapping: Mapping, progress: Callable[[int], object] = lambda done: None
) -> tuple[list[str], dict[str, Column]]:
    """(identifiers, columns): each distinct text is kept once, so that a million lines take a few hundred megabytes."""
    ids: list[str] = []
    lines = _lines(path, progress)
    header = [h.strip() for h in next(lines, [])]
    position = {h.casefold(): n for n, h in reversed(list(enumerate(header)))}
    wanted = {
        f: [position[c.casefold()] for c in columns if c.casefold() in position] for f, columns in mapping.items()
    }
    absent = [c for f in NEEDED for c in mapping[f] if c.casefold() not in position]
    if absent:
        raise Refused(
            _("{file} : colonne absente : {columns}. Colonnes lues : {read}.").format(
                file=path.name, columns=", ".join(absent), read=", ".join(header[:12])[:200] or _("aucune")
            ),
            "missing_column",
        )
    id_columns = wanted.pop("id")
    plain = [(f, p[0]) for f, p in wanted.items() if len(p) == 1]
    joined = [(f, p) for f, p in wanted.items() if len(p) > 1]
    texts: dict[str, dict[str, int]] = {f: {"": 0} for f in wanted if wanted[f]}
    codes: dict[str, array] = {f: array("i") for f in texts}
    steps = [(codes[f].append, texts[f], p) for f, p in plain]
    width = max((p for ps in (*wanted.values(), id_columns) for p in ps), default=0) + 1
    for row in lines:
        if len(row) < width:
            if not any(row):
                continue
            row = row + [""] * (width - len(row))
        ids.append(row[id_columns[0]].strip() if len(id_columns) == 1 else " ".join(row[p].strip() for p in id_columns))
        for append, known, p in steps:
            append(known.setdefault(row[p].strip(), len(known)))
        for f, ps in joined:
            codes[f].append(texts[f].setdefault(" ".join(row[p].strip() for p in ps).strip(), len(texts[f])))
    if not ids:
        raise Refused(_("{file} : aucune ligne à comparer.").format(file=path.name), "empty")
    if "" in ids:
        line = ids.index("") + 2
        raise Refused(_("{file} : identifiant vide, vers la ligne {line}.").format(file=path.name, line=line), "no_id")
    return ids, {f: (np.frombuffer(codes[f], np.int32), list(texts[f])) for f in texts}


def _lines(path: Path, progress: Callable[[int], object]) -> Iterator[list[str]]:
    """Rows of the file; anything that is not a table of text becomes one sentence."""
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding, newline="") as text:
            sample = text.read(64 * 1024)
            if "\0" in sample or not sample.strip():
                raise Refused(_("{file} : ce n’est pas un fichier CSV.").format(file=path.name), "not_csv")
            first = sample.splitlines()[0]
            delimiter = max(",;\t|", key=first.count)
            text.seek(0)
            for n, row in enumerate(csv.reader(text, delimiter=delimiter, skipinitialspace=True)):
                yield row
                if n % 20_000 == 0:
                    progress(n)
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused(_("{file} : illisible ({why}).").format(file=path, why=why), "unreadable") from None
    except (csv.Error, UnicodeError) as error:
        raise Refused(
            _("{file} : ce n’est pas un CSV lisible ({why}).").format(file=path.name, why=error), "not_csv"
        ) from None


def _encoding(path: Path) -> str:
    """UTF-8 with or without its mark, UTF-16 with it; what is none of these was written by an older Windows."""
    with path.open("rb") as raw:
        if raw.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252" if _decodes(path, "cp1252") else "latin-1"
    return "utf-8-sig"


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True
