"""`cercle backup` and `cercle restore`: one file out, the same installation back, or nothing touched."""

import io
import itertools
import json
import os
import tarfile

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from cercle.base.audit import keys
from cercle.base.audit.record import SYSTEM, record
from cercle.base.common import archive, blobs
from cercle.base.common.errors import Refused
from cercle.people.directory.models import Organization
from tests.support import database

_numbers = itertools.count(1)


@pytest.fixture
def home(settings, tmp_path):
    settings.CERCLE_HOME = tmp_path / "home"
    settings.FILES_ROOT = settings.CERCLE_HOME / "files"
    (settings.CERCLE_HOME / "secrets").mkdir(parents=True)
    return settings.CERCLE_HOME


@pytest.fixture
def full(fresh_db, home):
    """Rows, files, a sealed journal."""
    Organization.objects.create(name="Cabinet de l’Œuvre", finess="290000017")
    with transaction.atomic():
        record(SYSTEM, "directory.organization_added", circle_id=None)
    keys.private()  # made at the first seal, which waits while another database of the cluster writes
    call_command("audit", "seal", stdout=io.StringIO())
    blobs.put(b"a photo")
    blobs.put(os.urandom(3_000_000))
    (home / "secrets" / "django.key").write_text("secret of django")
    (home / "secrets" / "postgres.app").write_text("password of the old server")
    return fresh_db


@pytest.fixture
def elsewhere(full, settings, tmp_path):
    """Switches to an empty database and an empty home; called after the backup."""
    made = []

    def switch(home="elsewhere"):
        name = f"restored_{database.WORKER}_{next(_numbers)}"
        database.SERVER.create_database(name)
        made.append(name)
        for alias in connections:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = name
        settings.CERCLE_HOME = tmp_path / home
        settings.FILES_ROOT = settings.CERCLE_HOME / "files"
        settings.CERCLE_HOME.mkdir(exist_ok=True)
        return name

    yield switch
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = full.name
    for name in made:
        database.drop(name)


def tables() -> dict[str, list]:
    """Every row of every table, as text."""
    skip = {"django_migrations", "audit_seal", "django_session", "django_content_type", "auth_permission"}
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        names = [n for (n,) in cursor.fetchall() if n not in skip]
        found = {}
        for name in names:
            cursor.execute(f'SELECT t::text FROM "{name}" t ORDER BY 1')
            found[name] = cursor.fetchall()
    return found


def rights() -> dict:
    return archive.read_rights("owner", archive.app_role())


def test_what_is_restored_is_what_was_saved(elsewhere, tmp_path, home):
    before, allowed, files = tables(), rights(), {b.sha256 for b in blobs.iterate()}
    done = archive.write(tmp_path / "save.tar")
    assert done.files == 2
    assert (tmp_path / "save.tar").stat().st_mode & 0o777 == 0o600
    elsewhere()
    archive.Archive(tmp_path / "save.tar").restore()
    assert tables() == before
    assert {b.sha256 for b in blobs.iterate()} == files
    assert all(blobs.digest(sha).sha256 == sha for sha in files)
    assert rights() == allowed
    assert Organization.objects.get(finess="290000017").name == "Cabinet de l’Œuvre"


def test_after_a_restore_the_application_still_cannot_rewrite_the_journal(elsewhere, tmp_path):
    archive.write(tmp_path / "save.tar")
    elsewhere()
    archive.Archive(tmp_path / "save.tar").restore()
    assert connection.settings_dict["USER"] == "cercle_app"
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"):
        with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(statement)
    from cercle.base.audit import grants

    assert grants.weaknesses() == []
    with transaction.atomic():
        record(SYSTEM, "directory.organization_added")  # and it still writes


def test_the_chain_of_seals_goes_on_in_a_new_segment(elsewhere, tmp_path):
    archive.write(tmp_path / "save.tar", with_secrets=True)
    elsewhere()
    archive.Archive(tmp_path / "save.tar").restore()
    with transaction.atomic():
        record(SYSTEM, "directory.organization_added")
    call_command("audit", "seal", stdout=io.StringIO())
    out = io.StringIO()
    call_command("audit", "verify", "--quiet", stdout=out, stderr=io.StringIO())
    assert "Journal intact" in out.getvalue()


def test_secrets_go_only_when_asked_and_never_the_passwords_of_the_server(full, tmp_path):
    archive.write(tmp_path / "without.tar")
    archive.write(tmp_path / "with.tar", with_secrets=True)
    without = set(tarfile.open(tmp_path / "without.tar").getnames())
    with_them = set(tarfile.open(tmp_path / "with.tar").getnames())
    assert not any(n.startswith("secrets/") for n in without)
    assert any(n.startswith("keys/audit-") for n in without)  # the public half: old seals stay verifiable
    assert "secrets/django.key" in with_them and "secrets/audit.key" in with_them
    assert not any("postgres." in n for n in with_them)


def test_secrets_that_are_there_are_kept_and_it_is_said(elsewhere, tmp_path, settings):
    archive.write(tmp_path / "save.tar", with_secrets=True)
    elsewhere()
    (settings.CERCLE_HOME / "secrets").mkdir()
    (settings.CERCLE_HOME / "secrets" / "django.key").write_text("mine")
    done = archive.Archive(tmp_path / "save.tar").restore()
    assert (settings.CERCLE_HOME / "secrets" / "django.key").read_text() == "mine"
    assert any("django.key" in note for note in done.notes)


def test_sessions_do_not_come_back(elsewhere, tmp_path):
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session["x"] = 1
    session.save()
    archive.write(tmp_path / "save.tar")
    elsewhere()
    archive.Archive(tmp_path / "save.tar").restore()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone()[0] == 0


def test_it_refuses_a_database_that_is_not_empty(full, tmp_path):
    archive.write(tmp_path / "save.tar")
    with pytest.raises(Refused, match="pas vide"):
        archive.Archive(tmp_path / "save.tar").restore()
    assert Organization.objects.count() == 1


def test_force_replaces_what_the_database_holds(full, tmp_path):
    archive.write(tmp_path / "save.tar")
    Organization.objects.create(name="Écrit après")
    for alias in connections:
        connections[alias].close()
    archive.Archive(tmp_path / "save.tar").restore(force=True)
    assert list(Organization.objects.values_list("name", flat=True)) == ["Cabinet de l’Œuvre"]


def test_it_refuses_while_someone_is_connected(elsewhere, tmp_path):
    archive.write(tmp_path / "save.tar")
    name = elsewhere()
    with psycopg.connect(database.SERVER.url("app", name)), pytest.raises(Refused, match="tourne encore"):
        archive.Archive(tmp_path / "save.tar").restore()


def test_a_cut_file_is_refused_before_anything_is_touched(elsewhere, tmp_path):
    archive.write(tmp_path / "save.tar")
    content = (tmp_path / "save.tar").read_bytes().rstrip(b"\0")
    elsewhere()
    for share in (0.0, 0.001, 0.02, 0.3, 0.9, 0.999):
        (tmp_path / "cut.tar").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(Refused) as refusal:
            archive.Archive(tmp_path / "cut.tar").restore()
        assert refusal.value.code in {"altered", "not_a_backup"}
        assert "\n" not in str(refusal.value)
        assert not tables() and not list(blobs.iterate())


def test_a_changed_byte_anywhere_is_seen(full, tmp_path):
    archive.write(tmp_path / "save.tar")
    content = bytearray((tmp_path / "save.tar").read_bytes())
    with tarfile.open(tmp_path / "save.tar") as tar:
        places = [(m.offset_data + m.size // 2) for m in tar.getmembers() if m.size]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 0x20
        (tmp_path / "changed.tar").write_bytes(changed)
        with pytest.raises(Refused):
            archive.Archive(tmp_path / "changed.tar").verify()


def test_a_file_taken_out_is_missed_and_one_put_in_is_seen(full, tmp_path):
    archive.write(tmp_path / "save.tar")

    def rewrite(keep, add=None):
        with tarfile.open(tmp_path / "save.tar") as old, tarfile.open(tmp_path / "new.tar", "w") as new:
            for m in old.getmembers():
                if add and m.name == "end.json":
                    extra = tarfile.TarInfo(add)
                    extra.size = 1
                    new.addfile(extra, io.BytesIO(b"x"))
                if keep(m.name):
                    new.addfile(m, old.extractfile(m))
        with pytest.raises(Refused) as refusal:
            archive.Archive(tmp_path / "new.tar").verify()
        return refusal.value.code

    names = tarfile.open(tmp_path / "save.tar").getnames()
    for name in names:
        assert rewrite(lambda n, name=name: n != name) in {"altered", "not_a_backup"}
    for intruder in ("../../evil", "/etc/passwd", "secrets/../../evil", "files/00/00/" + "0" * 64):
        assert rewrite(lambda n: True, intruder) == "altered"


def test_another_file_is_no_backup(tmp_path):
    (tmp_path / "x.txt").write_text("bonjour " * 1000)
    with tarfile.open(tmp_path / "y.tar", "w") as tar:
        tar.add(tmp_path / "x.txt", "x.txt")
    for name in ("x.txt", "y.tar"):
        with pytest.raises(Refused, match="n’est pas une sauvegarde"):
            archive.Archive(tmp_path / name).verify()
    with pytest.raises(Refused, match="n’existe pas"):
        archive.Archive(tmp_path / "none.tar").verify()
    with pytest.raises(Refused, match="dossier"):
        archive.Archive(tmp_path).verify()


def test_a_newer_version_is_refused(elsewhere, tmp_path):
    archive.write(tmp_path / "save.tar")
    elsewhere()
    found = archive.Archive(tmp_path / "save.tar")
    found.verify()
    found.manifest["migrations"]["directory"].append("9999_from_the_future")
    with pytest.raises(Refused, match="plus récente"):
        found._check_versions()


def test_a_backup_does_not_replace_a_file_unless_told(full, tmp_path):
    target = tmp_path / "save.tar"
    target.write_text("precious")
    with pytest.raises(Refused, match="existe déjà"):
        archive.write(target)
    archive.write(target, force=True)
    assert archive.Archive(target).verify().files == 2
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith((".part", ".dump"))] == []


def test_the_commands_say_what_they_did(elsewhere, tmp_path):
    out = io.StringIO()
    call_command("backup", str(tmp_path / "save.tar"), stdout=out, verbosity=0)
    assert "2 fichiers" in out.getvalue()
    call_command("restore", str(tmp_path / "save.tar"), check=True, stdout=out, verbosity=0)
    assert "Sauvegarde intacte" in out.getvalue()
    elsewhere()
    call_command("restore", str(tmp_path / "save.tar"), stdout=out, stderr=io.StringIO(), verbosity=0)
    assert "Restauré" in out.getvalue()


def test_no_password_is_in_the_arguments_of_the_programs(full, tmp_path, monkeypatch):
    seen = []
    real = archive.subprocess.run
    monkeypatch.setattr(archive.subprocess, "run", lambda command, **k: (seen.append(command), real(command, **k))[1])
    archive.write(tmp_path / "save.tar")
    password = connections["owner"].settings_dict["PASSWORD"]
    assert password and all(password not in part for command in seen for part in command)
    manifest = json.loads(tarfile.open(tmp_path / "save.tar").extractfile("manifest.json").read())
    assert password not in json.dumps(manifest)
