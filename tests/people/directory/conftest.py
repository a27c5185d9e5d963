from pathlib import Path

import pytest

from cercle.people.directory import reference
from cercle.people.directory.models import Commune
from tests.people.directory.synthetic import COLUMNS, HEADER

SAMPLES = Path(__file__).parent / "samples"

COMMUNES = [
    ("25462", "Pontarlier", ["25300"], 46.9, 6.35), ("75115", "Paris 15e Arrondissement", ["75015"], 48.84, 2.29),
    ("29232", "Quimper", ["29000"], 47.9960, -4.1024), ("29019", "Brest", ["29200"], 48.39, -4.4861),
    ("29039", "Concarneau", ["29900"], 47.8731, -3.9207), ("29170", "Pluguffan", ["29700"], 47.9814, -4.1847),
]  # fmt: skip


@pytest.fixture
def communes(db):
    Commune.objects.bulk_create(
        Commune(
            code=c, kind="ARM" if c == "75115" else "COM", name=n, postal_codes=p, lat=lat, lon=lon, population=1000
        )
        for c, n, p, lat, lon in COMMUNES
    )


@pytest.fixture
def codes(db):
    reference.load("codes")


def line(number: str = "99000000010", **values) -> str:
    """One line of PS_LibreAcces; keywords are column names with `_` for spaces, or those below."""
    short = {
        "family": "Nom d'exercice", "given": "Prénom d'exercice", "profession": "Code profession", "mode": "Code mode exercice",
        "skill": "Code savoir-faire", "skill_label": "Libellé savoir-faire", "structure": "Identifiant technique de la structure",
        "finess": "Numéro FINESS site", "siret": "Numéro SIRET site", "name": "Raison sociale site", "kind": "Type d'identifiant PP",
        "phone": "Téléphone (coord. structure)", "postal": "Code postal (coord. structure)",
        "commune": "Code commune (coord. structure)", "delivery": "Bureau cedex (coord. structure)", "civility": "Code civilité",
        "skill_type": "Code type savoir-faire",
    }  # fmt: skip
    row = dict.fromkeys(COLUMNS, "") | {
        "Type d'identifiant PP": "8", "Identifiant PP": number, "Nom d'exercice": "TESTUN", "Prénom d'exercice": "ALBAN",
        "Code profession": "60", "Libellé profession": "Infirmier", "Code mode exercice": "L",
        "Identifiant technique de la structure": "C1", "Raison sociale site": "CABINET TESTUN",
    }  # fmt: skip
    row |= {short[k]: v for k, v in values.items()}
    row["Identification nationale PP"] = row["Type d'identifiant PP"] + number
    return "|".join(row[c] for c in COLUMNS) + "|"


@pytest.fixture
def write(tmp_path):
    def _write(*lines: str, name: str = "ps.txt", encoding: str = "utf-8", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.write_bytes(("\n".join([header, *lines]) + "\n").encode(encoding))
        return path

    return _write
