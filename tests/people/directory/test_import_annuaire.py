import gzip
import zipfile

import pytest
from django.core.management import call_command

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.directory import actions
from cercle.people.directory.gate import Reader
from cercle.people.directory.imports import annuaire
from cercle.people.directory.imports.annuaire import import_annuaire
from cercle.people.directory.imports.run import summary, write_report
from cercle.people.directory.imports.source import MAX_LINE, Source
from cercle.people.directory.keys import luhn_key
from cercle.people.directory.models import ImportIssue, ImportRun, ImportSeen, Organization, PracticeRole, Practitioner
from tests.people.directory.conftest import SAMPLES, line
from tests.people.directory.synthetic import HEADER

pytestmark = pytest.mark.django_db


def rpps(n: int) -> str:
    stem = f"98{n:08d}"
    return stem + luhn_key(stem)


def load(path, **options):
    return import_annuaire(Source(path), **options)


def changes(run) -> int:
    return sum(v for k, v in run.counts.items() if k.endswith((".created", ".changed", ".ended")))


@pytest.mark.parametrize("year", [2021, 2026])
def test_the_real_headers_are_read(communes, year):
    run = load(SAMPLES / f"ps_libreacces_personne_activite_format_{year}.txt")
    assert run.counts["lines"] == 5 and run.counts["practitioners.created"] == 5 and "refused" not in run.counts
    doctor = Practitioner.objects.get(rpps="99000000010")
    role = doctor.roles.get()
    assert doctor.display_name == "Dr Alban Testun" and role.short_label == "Médecin généraliste"
    assert role.organization.finess == "250000700" and role.commune_code == "25462" and role.lat == 46.9
    assert role.address == "2 Faubourg SAINT ETIENNE\nCS 10329" and role.city == "Pontarlier"
    speech = Practitioner.objects.get(adeli="759900002").roles.get()
    assert speech.short_label == "Orthophoniste" and speech.commune_code == "75115" and speech.tint == "p-ortho"
    assert PracticeRole.objects.get(practitioner__family="TESTCINQ").organization is None


def test_the_same_file_twice_changes_nothing_and_so_does_the_other_header(communes):
    load(SAMPLES / "ps_libreacces_personne_activite_format_2021.txt")
    before = list(PracticeRole.objects.order_by("id").values_list("id", "updated_at"))
    for year in (2021, 2026):
        assert changes(load(SAMPLES / f"ps_libreacces_personne_activite_format_{year}.txt")) == 0
    assert list(PracticeRole.objects.order_by("id").values_list("id", "updated_at")) == before


def test_what_changes_is_changed_and_counted(write):
    load(write(line(phone="0298000001")))
    run = load(write(line(phone="0298000002")))
    assert run.counts["roles.changed"] == 1 and PracticeRole.objects.get().phone == "0298000002"


def test_refused_lines_say_why_and_do_not_stop_the_others(write, tmp_path):
    path = write(
        line("99000000011"), "", line(rpps(2), profession="99"), line("", kind="8"), line(rpps(3), family=""), "8|trop|court",
        line("123", kind="0"), line(rpps(4), kind="5"), line(rpps(5)), "x" * (MAX_LINE * 2), line(rpps(6)) + "\0", line(rpps(7)),
    )  # fmt: skip
    run = load(path)
    found = list(ImportIssue.objects.order_by("line").values_list("line", "code"))
    assert found == [
        (2, "rpps_key"), (4, "profession"), (5, "id_missing"), (6, "name_missing"), (7, "columns"), (8, "adeli_shape"),
        (9, "id_type"), (11, "line_too_long"), (12, "nul"),
    ]  # fmt: skip
    assert run.counts["blank"] == 1 and run.counts["lines"] == 11 and run.counts["practitioners.created"] == 2
    write_report(run, tmp_path / "report.csv")
    report = (tmp_path / "report.csv").read_text()
    assert "2,refused,rpps_key,Identifiant PP" in report and "TESTUN" not in report and "99000000011" not in report
    assert "9 refusées" in summary(run) and "RPPS mal formé" in summary(run)


def test_a_wrong_finess_or_siret_leaves_the_line_without_it(write):
    run = load(write(line(finess="250000701", siret="12345678901234")))
    assert run.counts["warnings"] == 2 and run.counts["practitioners.created"] == 1
    assert Organization.objects.get().finess is None


def test_several_skills_are_one_situation_even_when_their_lines_stand_apart(write, monkeypatch):
    monkeypatch.setattr(annuaire, "BATCH", 1)
    skills = [("SM26", "S"), ("C22", "C"), ("SM15", "S")]
    first, second, third = (line(skill=s, skill_type=t, skill_label=s, profession="10") for s, t in skills)
    path = write(first, second, line(rpps(1)), third)
    load(path)
    role = PracticeRole.objects.get(practitioner__rpps="99000000010")
    assert [s["code"] for s in role.specialties] == ["C22", "SM15", "SM26"] and role.specialty == "SM15"


def test_skills_that_moved_to_their_own_file(write):
    head = "|".join(c for c in HEADER.split("|") if "savoir-faire" not in c)
    columns = HEADER.split("|")
    gone = {i for i, c in enumerate(columns) if "savoir-faire" in c}

    def without(text: str) -> str:
        return "|".join(v for i, v in enumerate(text.split("|")) if i not in gone)

    load(write(line(profession="10", skill="SM04", skill_type="S")))
    run = load(write(without(line(profession="10", phone="0200000000")), header=head))
    role = PracticeRole.objects.get()
    assert run.counts["roles.changed"] == 1 and role.specialty == "SM04" and role.phone == "0200000000"
    skills_header = (
        "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code profession|"
        "Libellé profession|Code type savoir-faire|Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire|"
    )
    skills = write(
        "8|99000000010|899000000010|TESTUN|ALBAN|10|Médecin|S||SM42|Psychiatrie|",
        f"8|{rpps(9)}|8{rpps(9)}|INCONNU|A|10|Médecin|S||SM42|Psychiatrie|", header=skills_header, name="sf.txt",
    )  # fmt: skip
    run = load(skills)
    role.refresh_from_db()
    assert role.specialty == "SM42" and run.counts["refused"] == 1
    assert changes(load(skills)) == 0


def test_two_people_with_one_number_are_not_mixed(write, monkeypatch):
    path = write(line(), line(family="AUTRE", structure="C2"))
    assert load(path).counts["refused"] == 1
    monkeypatch.setattr(annuaire, "LONGEST", 1)
    assert load(path).counts["refused"] == 1
    assert Practitioner.objects.get().family == "TESTUN"


def test_lines_that_disagree_about_a_structure_keep_the_first_and_stay_idempotent(write, monkeypatch):
    monkeypatch.setattr(annuaire, "BATCH", 1)
    path = write(line(rpps(1), name="PREMIER"), line(rpps(2), name="SECOND"))
    load(path)
    assert Organization.objects.get().name == "PREMIER" and changes(load(path)) == 0


def test_a_partial_file_ends_nothing_and_a_full_one_ends_what_it_leaves_out(write):
    load(write(*(line(rpps(i), structure=f"C{i}") for i in range(10))))
    run = load(write(*(line(rpps(i), structure=f"C{i}") for i in range(9)), name="less.txt"))
    assert "roles.ended" not in run.counts and PracticeRole.objects.open().count() == 10
    run = load(write(*(line(rpps(i), structure=f"C{i}") for i in range(9)), name="full.txt"), full=True)
    assert run.counts["roles.ended"] == run.counts["practitioners.ended"] == 1
    assert Practitioner.objects.get(rpps=rpps(9)).ended_at is not None
    run = load(write(line(rpps(9), structure="C9"), name="back.txt"))
    assert run.counts["roles.changed"] == 1 and PracticeRole.objects.open().count() == 10


def test_a_full_file_that_would_end_much_is_held_back(write):
    load(write(*(line(rpps(i), structure=f"C{i}") for i in range(10))))
    small = write(line(rpps(0), structure="C0"), name="small.txt")
    with pytest.raises(Refused, match="plus de 20"):
        load(small, full=True)
    assert PracticeRole.objects.open().count() == 10
    assert load(small, full=True, force=True).counts["roles.ended"] == 9


def test_what_other_sources_hold_is_never_ended(write):
    mine = Practitioner.objects.create(family="Local", source="manual")
    PracticeRole.objects.create(practitioner=mine, profession="60")
    load(write(line()), full=True)
    assert mine.roles.open().count() == 1


def test_a_run_cut_short_goes_on_where_it_was(write, monkeypatch):
    monkeypatch.setattr(annuaire, "BATCH", 10)
    path = write(*(line(rpps(i), structure=f"C{i}") for i in range(35)), line("99000000011"))
    done = []
    real = annuaire.apply_activities

    def fails(context, batch):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(len(batch))
        real(context, batch)

    monkeypatch.setattr(annuaire, "apply_activities", fails)
    with pytest.raises(KeyboardInterrupt):
        load(path)
    row = ImportRun.objects.get()
    assert row.line == 21 and row.finished_at is None and Practitioner.objects.count() == 20
    monkeypatch.setattr(annuaire, "apply_activities", real)
    run = load(path)
    assert (
        run.resumed and run.row.pk == row.pk and run.counts["lines"] == 36 and run.counts["practitioners.created"] == 35
    )
    assert run.counts["refused"] == 1 and ImportIssue.objects.get().line == 37
    assert ImportRun.objects.get().finished_at is not None and not ImportSeen.objects.exists()
    assert changes(load(path)) == 0


def test_bom_latin1_carriage_returns_gz_and_zip(write, tmp_path):
    text = "\r\n".join([HEADER, line(family="LEFÈVRE", name="CABINET DE L’ÉTÉ"), ""])
    for name, raw in (("bom", b"\xef\xbb\xbf" + text.encode()), ("latin", text.encode("cp1252"))):
        plain, packed, archive = tmp_path / f"{name}.txt", tmp_path / f"{name}.txt.gz", tmp_path / f"{name}.zip"
        plain.write_bytes(raw)
        packed.write_bytes(gzip.compress(raw))
        with zipfile.ZipFile(archive, "w") as z:
            z.writestr("PS_LibreAcces_Personne_activite.txt", raw)
        for path in (plain, packed, archive):
            assert load(path).counts["lines"] == 1
            assert Practitioner.objects.get().family == "LEFÈVRE"


def test_a_truncated_archive_keeps_what_it_gave_and_says_so(write, tmp_path):
    path = write(*(line(rpps(i), structure=f"C{i}", phone=rpps(i * 7)) for i in range(3000)))
    packed = tmp_path / "cut.txt.gz"
    whole = gzip.compress(path.read_bytes())
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused, match="s’interrompt après la ligne"):
        load(packed, full=True)
    assert 0 < Practitioner.objects.count() < 3000
    packed.write_bytes(whole[:20])
    with pytest.raises(Refused):
        load(packed)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"a;b;c\n1;2;3\n",
        b"{}",
        b"\x00" * 500,
        b"\x1f\x8bnot gzip",
        b"PK\x03\x04nope",
        HEADER.encode()[:60],
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "other.txt"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        load(path)
    assert "\n" not in str(refusal.value) and not ImportRun.objects.exists()
    with pytest.raises(Refused):
        load(tmp_path / "absent.txt")


def test_a_correction_lives_until_the_source_changes(write):
    acting = Reader(user_id=None, source="cli")
    load(write(line(phone="0298000001")))
    role = PracticeRole.objects.get()
    actions.correct(acting, role, field="phone", value="0298999999")
    assert changes(load(write(line(phone="0298000001"), name="again.txt"))) == 0
    assert PracticeRole.objects.get().phone == "0298999999"
    load(write(line(phone="0298000003"), name="new.txt"))
    role = PracticeRole.objects.get()
    assert role.phone == "0298000003" and role.corrections == {}


def test_the_national_directory_takes_over_who_was_entered_by_hand(write):
    mine = Practitioner.objects.create(
        family="Testun", given="A.", rpps="99000000010", is_external=True, source="feed:chu"
    )
    load(write(line()))
    mine.refresh_from_db()
    assert Practitioner.objects.count() == 1 and not mine.is_external and mine.source == "annuaire"


def test_a_structure_kept_by_finess_is_only_referred_to(write):
    hospital = Organization.objects.create(
        name="CHI", finess="250000700", source="finess", source_key="250000700", lat=1, lon=2
    )
    load(write(line(finess="250000700", name="AUTRE NOM")))
    hospital.refresh_from_db()
    assert (
        hospital.name == "CHI"
        and PracticeRole.objects.get().organization == hospital
        and PracticeRole.objects.get().lat == 1
    )


def test_the_command_reports_and_the_journal_keeps_one_fact(write, capsys, tmp_path):
    call_command("import_annuaire", str(write(line())), report=tmp_path / "r.csv")
    assert "Professionnels" in capsys.readouterr().out and (tmp_path / "r.csv").exists()
    event = AuditEvent.objects.get(action="directory.imported")
    assert event.details["counts"]["lines"] == 1
