import gzip
import json

import pytest
from django.core.management import call_command

from cercle.base.common.errors import Refused
from cercle.people.directory import nomenclature, reference
from cercle.people.directory.models import Code, CodeSet, Commune, Country, HistoricCommune

pytestmark = pytest.mark.django_db


def test_the_shipped_tables_load_once(capsys):
    call_command("reference_load")
    assert Commune.objects.get(code="29232", kind="COM").name == "Quimper"
    assert (
        HistoricCommune.objects.filter(code="20004").exists() and Country.objects.get(code="99411").name == "HONDURAS"
    )
    assert set(Code.objects.filter(set__name="JDV_J23").values_list("code", flat=True)) == {
        "DEM-AVIS", "GEN", "INST", "INTERV", "OBS",
    }  # fmt: skip
    for name in ("TRE_G15", "TRE_R66", "JDV_J107", "JDV_J110", "JDV_J11", "JDV_J07", "JDV_J48", "JDV_J34", "JDV_J47"):
        assert Code.objects.filter(set__name=name).exists()
    capsys.readouterr()
    call_command("reference_load")
    assert "0 lignes créées, 0 modifiées" in capsys.readouterr().out


def test_every_profession_code_has_its_class(codes):
    table = set(nomenclature.professions())
    assert {("TRE_G15", c) for c in Code.objects.filter(set__name="TRE_G15").values_list("code", flat=True)} <= table
    assert {("JDV_J48", c) for c in Code.objects.filter(set__name="JDV_J48").values_list("code", flat=True)} <= table
    kinds = {nomenclature.profession_kind("TRE_G15", "60"), nomenclature.profession_kind("JDV_J48", "41")}
    assert kinds == {"health", "social"}
    # CSP R1110-2 is a closed list: a lawyer, a secretary, an unknown code hold no clinical right.
    for code in ("303", "331", "312", "999"):
        assert nomenclature.profession_kind("JDV_J48", code) == "other"


def test_cim10_comes_from_a_file_and_only_from_there(tmp_path):
    assert not CodeSet.objects.filter(name="CIM10").exists()
    path = tmp_path / "cim.csv.gz"
    path.write_bytes(
        gzip.compress(
            "code,libelle_court,libelle_long\nE11,DIABETE,Diabète de type 2\nE11.9,D,Sans complication\n".encode()
        )
    )
    call_command("import_cim10", str(path))
    assert Code.objects.get(set__name="CIM10", code="E119").parent == "E11"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(Refused):
        reference.load_cim10(path)


def test_nos_as_fhir_csv_and_lines(tmp_path):
    fhir = tmp_path / "TRE_R99.json"
    fhir.write_text(
        json.dumps(
            {
                "resourceType": "CodeSystem",
                "name": "TRE_R99_Essai",
                "concept": [{"code": "1", "display": "Un", "concept": [{"code": "2"}]}],
            }
        )
    )
    assert reference.load_nos(fhir)["TRE_R99"].created == 2
    assert Code.objects.get(set__name="TRE_R99", code="2").parent == "1"
    table = tmp_path / "JDV_J99-Essai.csv"
    table.write_text("code;libelle\nA;Premier\nB;Second\n")
    assert reference.load_nos(table)["JDV_J99"].created == 2
    table.write_text("code;libelle\nA;Premier\nB;Deuxième\n")
    assert reference.load_nos(table)["JDV_J99"].changed == 1
    table.write_text("n’importe quoi")
    with pytest.raises(Refused):
        reference.load_nos(table)
