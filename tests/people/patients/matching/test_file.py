"""A whole file: quality floors on an invented register, formats, encodings, and one clear line when it cannot be read."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command

from cercle.base.common.errors import Refused
from cercle.people.patients.matching import match_file

REGISTER = Path(__file__).parent / "data" / "register.csv"


def truth() -> tuple[dict[str, str], int]:
    with REGISTER.open(encoding="utf-8") as text:
        person = {r["id_enregistrement"]: r["id_personne"] for r in csv.DictReader(text)}
    return person, sum(n * (n - 1) // 2 for n in Counter(person.values()).values())


def pairs(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_quality_stays_above_its_floors(tmp_path):
    match_file(REGISTER, tmp_path / "pairs.csv")
    person, true = truth()
    found = pairs(tmp_path / "pairs.csv")
    right = Counter(p["decision"] for p in found if person[p["id_a"]] == person[p["id_b"]])
    kept = Counter(p["decision"] for p in found)
    assert right["auto"] >= 0.998 * kept["auto"]
    assert right["auto"] >= 0.93 * true
    assert right.total() >= 0.985 * true
    assert kept["review"] <= 0.12 * true


def test_quality_without_matricule_phone_and_address(tmp_path):
    mapping = {
        "id": ("id_enregistrement",),
        "birth_family": ("nom_naissance",),
        "used_family": ("nom_utilise",),
        "first_given": ("premier_prenom",),
        "birth_givens": ("prenoms",),
        "sex": ("sexe",),
        "birth_date": ("date_naissance",),
        "birth_place": ("cog_naissance",),
    }
    match_file(REGISTER, tmp_path / "pairs.csv", mapping=mapping)
    person, true = truth()
    right, best = 0, 0.0
    for n, p in enumerate(pairs(tmp_path / "pairs.csv"), start=1):  # best score first
        right += person[p["id_a"]] == person[p["id_b"]]
        if right >= 0.97 * n:
            best = max(best, right / true)
    assert best >= 0.94


def test_the_order_of_lines_changes_no_pair(tmp_path):
    lines = REGISTER.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "backwards.csv").write_text("".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    match_file(REGISTER, tmp_path / "a.csv")
    match_file(tmp_path / "backwards.csv", tmp_path / "b.csv")

    def as_set(path):
        return {(frozenset((p["id_a"], p["id_b"])), p["score"], p["decision"]) for p in pairs(path)}

    assert as_set(tmp_path / "a.csv") == as_set(tmp_path / "b.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    rows = list(csv.reader(REGISTER.open(encoding="utf-8")))
    with (tmp_path / "in.csv").open("w", encoding=encoding, newline="") as text:
        csv.writer(text, delimiter=delimiter).writerows(rows)
    report = match_file(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (report.records, report.auto) == (1500, match_file(REGISTER, tmp_path / "ref.csv").auto)


FEBRL = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id
rec-1-org, lachlan, berrigan, 69, giblin street, killarney, bittern, 4814, qld, 19990219, 7364009
rec-1-dup-0, lachlan, berigan, 69, giblin streat, killarney, bittern, 4814, qld, 19990219, 7364009
rec-2-org, sophie, grubb, 36, furphy place, , cottles bridge, 5091, qld, 19230322, 3779522
"""


def test_the_command_reads_febrl_columns(tmp_path, capsys):
    (tmp_path / "in.csv").write_text(FEBRL)
    call_command("patients_match", str(tmp_path / "in.csv"), out=tmp_path / "out.csv", format="febrl")
    [pair] = pairs(tmp_path / "out.csv")
    assert {pair["id_a"], pair["id_b"]} == {"rec-1-org", "rec-1-dup-0"}
    assert pair["decision"] == "auto"
    assert "3 fiches" in capsys.readouterr().out


def test_the_command_takes_any_columns_by_a_map(tmp_path):
    (tmp_path / "in.csv").write_text(
        "n;nom;prénom;né le;voie;cp\n1;Le Gall;Yvette;27/09/1939;3 rue X;29200\n2;LEGALL;Yvette Marie;1939-09-27;3 rue X;29200\n"
    )
    mapping = "id=n, birth_family=nom, birth_givens=prénom, birth_date=né le, address=voie, postcode=cp"
    call_command("patients_match", str(tmp_path / "in.csv"), out=tmp_path / "out.csv", mapping=mapping)
    assert [p["decision"] for p in pairs(tmp_path / "out.csv")] == ["auto"]


def test_repeated_identifiers_are_reported(tmp_path, capsys):
    (tmp_path / "in.csv").write_text(FEBRL.replace("rec-2-org", "rec-1-org"))
    call_command("patients_match", str(tmp_path / "in.csv"), out=tmp_path / "out.csv", format="febrl")
    assert "rec-1-org" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02" * 50,
        b"a,b\n1,2\n",
        b"id_enregistrement,nom_naissance,date_naissance\n",
        b"%PDF-1.7 \xff\xfe",
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(Refused) as error:
        match_file(tmp_path / "in.csv", tmp_path / "out.csv")
    assert "\n" not in error.value.message
    assert not (tmp_path / "out.csv").exists()


def test_an_absent_file_and_an_absent_folder_are_refused(tmp_path):
    with pytest.raises(Refused):
        match_file(tmp_path / "none.csv", tmp_path / "out.csv")
    with pytest.raises(Refused):
        match_file(REGISTER, tmp_path / "none" / "out.csv")


def test_short_lines_and_blank_values_are_read(tmp_path):
    (tmp_path / "in.csv").write_text(
        "id_enregistrement,nom_naissance,date_naissance,prenoms,telephone\n1,LE GALL\n2\n\n3,LE GALL,,,\n"
    )
    assert match_file(tmp_path / "in.csv", tmp_path / "out.csv").records == 3
