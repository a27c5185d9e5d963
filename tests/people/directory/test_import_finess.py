import csv
import gzip
import json

import pytest

from cercle.base.common.errors import Refused
from cercle.people.directory.imports import finess
from cercle.people.directory.imports.finess import import_finess
from cercle.people.directory.imports.source import Source
from cercle.people.directory.models import ImportIssue, Organization
from tests.people.directory.conftest import SAMPLES

pytestmark = pytest.mark.django_db
STRUCTURES, ACTIVITIES = SAMPLES / "finess_structures.json.gz", SAMPLES / "finess_activites.json.gz"
ETALAB = SAMPLES / "finess_etalab_cs1100502_extrait_20260512.csv"


def load(path, **options):
    return import_finess(Source(path), **options)


def changes(run) -> int:
    return sum(v for k, v in run.counts.items() if k.endswith((".created", ".changed", ".ended")))


def test_the_real_extract_of_2026(codes):
    run = load(STRUCTURES)
    data = json.loads(gzip.decompress(STRUCTURES.read_bytes()))
    alive = sum(e["etatObjet"] == "A" for p in data["pmej"] for e in [p, *p["ege"]])
    assert run.counts["lines"] == 14 and run.counts["organizations.created"] == alive
    clinic = Organization.objects.get(finess="010780195")
    assert clinic.name == "CLINIQUE CONVERT" and clinic.parent.finess == "010000156" and clinic.parent.is_legal_entity
    assert clinic.kind == "hospital" and clinic.category_label and clinic.siret == "77220148900022"
    assert (clinic.lat, clinic.lon) == (46.211257, 5.254203) and clinic.phone == "0428631234"
    assert changes(load(STRUCTURES)) == 0


def test_activities_join_their_structures():
    assert load(ACTIVITIES).counts.get("activities.changed", 0) == 0  # nobody is known yet
    load(STRUCTURES)
    run = load(ACTIVITIES)
    assert run.counts["activities.changed"] > 0
    clinic = Organization.objects.get(finess="010780195")
    assert {a["nature"] for a in clinic.activities} and changes(load(ACTIVITIES)) == 0


def test_the_older_csv(communes, codes):
    run = load(ETALAB)
    assert run.counts["lines"] == 14 and run.counts["organizations.created"] == 14 and "refused" not in run.counts
    place = Organization.objects.get(finess="980501506")
    assert place.name == 'LIEU DE VIE "MAVOUNA MEMA 1"' and place.commune_code == "97606" and place.city == "CHIRONGUI"
    assert Organization.objects.get(finess="010000024").siret == "26010004500012"
    assert changes(load(ETALAB)) == 0


def test_positions_of_the_older_csv_are_converted(tmp_path):
    path = tmp_path / "geo.csv"
    path.write_bytes(
        ETALAB.read_bytes()
        + b"\ngeolocalisation;010000024;868000.5;6571000.5;1,BAN,100,IGN,BAN,V2,LAMBERT_93;2026-01-01\n"
        + b"geolocalisation;970102018;514000;1980000;1,BAN,100,IGN,BAN,V2,UTM_N20;2026-01-01\n"
        + b"geolocalisation;970100400;x;y;;2026-01-01\nautre;chose\n"
    )
    run = load(path)
    hospital, overseas = Organization.objects.get(finess="010000024"), Organization.objects.get(finess="970102018")
    assert 46.1 < hospital.lat < 46.3 and 5.1 < hospital.lon < 5.3
    assert 17.8 < overseas.lat < 18 and -63 < overseas.lon < -62.7
    assert run.counts["warnings"] == 1 and run.counts["refused"] == 1
    assert list(ImportIssue.objects.values_list("line", "code").order_by("line")) == [
        (19, "coordinates"),
        (20, "columns"),
    ]


def test_a_structure_closed_in_the_file_is_closed_here_if_known(tmp_path):
    load(STRUCTURES)
    data = json.loads(gzip.decompress(STRUCTURES.read_bytes()))
    for entity in data["pmej"]:
        for site in entity["ege"]:
            if site["informationsGeneralesEGE"]["numFinessEge"] == "010780195":
                site["etatObjet"] = "I"
                site["informationsGeneralesEGE"]["dateFermeture"] = "2026-09-01"
    path = tmp_path / "later.json"
    path.write_text(json.dumps(data))
    assert load(path).counts["organizations.changed"] == 1
    assert str(Organization.objects.get(finess="010780195").closed_on) == "2026-09-01"
    assert not Organization.objects.open().filter(finess="010780195")


def test_a_full_file_closes_what_it_leaves_out(tmp_path):
    load(STRUCTURES)
    data = json.loads(gzip.decompress(STRUCTURES.read_bytes()))
    data["pmej"] = [p for p in data["pmej"] if p["informationsGeneralesPMEJ"]["numFinessPm"] != "010000156"]
    path = tmp_path / "less.json"
    path.write_text(json.dumps(data))
    assert "organizations.ended" not in load(path).counts
    assert load(path, full=True).counts["organizations.ended"] == 2
    data["pmej"] = data["pmej"][:2]
    path.write_text(json.dumps(data))
    with pytest.raises(Refused):
        load(path, full=True)


def test_a_run_cut_short_goes_on(monkeypatch):
    monkeypatch.setattr(finess, "BATCH", 5)
    real, calls = finess.Batch.write, []

    def fails(self):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(finess.Batch, "write", fails)
    with pytest.raises(KeyboardInterrupt):
        load(STRUCTURES)
    known = Organization.objects.count()
    monkeypatch.setattr(finess.Batch, "write", real)
    run = load(STRUCTURES)
    assert known and run.resumed and run.counts["lines"] == 14
    assert run.counts["organizations.created"] == Organization.objects.count() > known


def test_broken_and_foreign_files(tmp_path):
    whole = gzip.decompress(STRUCTURES.read_bytes())
    for content in (whole[: len(whole) // 2], gzip.compress(whole)[:9000], whole[: len(whole) // 2] + b"]]}}"):
        path = tmp_path / "broken.json"
        path.write_bytes(content)
        with pytest.raises(Refused) as refusal:
            load(path, full=True)
        assert "\n" not in str(refusal.value)
    assert Organization.objects.exists() and not Organization.objects.exclude(closed_on=None).exists()
    for content in (
        b"",
        b"{}",
        b"[1]",
        b'{"resourceType": "Bundle"}',
        b"nofiness;rs\n1;2\n",
        b"\x1f\x8b..",
        b"\0" * 99,
    ):
        path.write_bytes(content)
        with pytest.raises(Refused, match="n’est pas un extrait"):
            load(path)


def test_odd_entities_are_refused_one_by_one(tmp_path):
    data = json.loads(gzip.decompress(STRUCTURES.read_bytes()))
    good = [p for p in data["pmej"] if p["etatObjet"] == "A"][0]
    bad = json.loads(json.dumps(good))
    bad["informationsGeneralesPMEJ"]["numFinessPm"] = "010000157"
    bad["ege"] = []
    nameless = json.loads(json.dumps(bad))
    nameless["informationsGeneralesPMEJ"] |= {"numFinessPm": None}
    data["pmej"] = [bad, {"informationsGeneralesPMEJ": None}, nameless, {}, good, good]
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(data))
    run = load(path)
    codes = set(ImportIssue.objects.values_list("line", "code"))
    assert {(1, "finess_refused"), (2, "shape"), (3, "finess_missing"), (4, "shape"), (6, "duplicate")} <= codes
    assert run.counts["organizations.created"] >= 1


def test_finess_takes_over_a_structure_first_met_in_the_annuaire():
    met = Organization.objects.create(
        name="CONVERT", finess="010780195", source="annuaire", source_key="finess:010780195"
    )
    load(STRUCTURES)
    met.refresh_from_db()
    assert met.name == "CLINIQUE CONVERT" and met.source == "finess"


def test_every_sample_line_of_the_csv_has_its_columns():
    rows = list(csv.reader(ETALAB.open(encoding="utf-8"), delimiter=";"))
    assert {len(r) for r in rows[1:] if r} <= {31, 32}
