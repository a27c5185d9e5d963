"""Seals hold against whoever can write to the database, the owner and the superuser included."""

import json
import re
import threading
import time
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from cercle.base.audit import keys, seals
from cercle.base.audit.models import AuditEvent, Seal
from cercle.base.audit.record import INSERT, record
from cercle.base.common.errors import Refused

from .acting import alice


@pytest.fixture
def journal(fresh_db, settings, tmp_path):
    """Three sealed batches of four rows, and one row that waits. Key and exported seals in a folder of the test."""
    settings.AUDIT_KEY_FILE = tmp_path / "secrets" / "audit.key"
    settings.AUDIT_SEALS_DIR = tmp_path / "seals"
    for _ in range(3):
        for i in range(4):
            record(alice(uuid.uuid4()), "notebook.read", shown=[uuid.uuid4()], details={"i": i, "é\t\\": "œ\n"})
        assert sealed().rows == 4
    record(alice(uuid.uuid4()), "notebook.read")
    return fresh_db


def settle() -> None:
    """Until every transaction older than the journal's last row has ended: those of the tests beside this one count,
    because the horizon is the whole server's."""
    deadline = time.monotonic() + 60
    with connections["default"].cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT coalesce(bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())), true) FROM audit_event"
                " WHERE xid < pg_snapshot_xmax(pg_current_snapshot())"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("a transaction stays open on the test server")


def sealed() -> Seal | None:
    settle()
    return seals.seal()


def superuser(fresh_db, *statements) -> None:
    """What someone with all rights does, the second lock taken off."""
    with psycopg.connect(fresh_db.url("superuser")) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


def raw_insert(connection) -> uuid.UUID:
    values = [
        None,
        None,
        "Bruno",
        "",
        "member",
        "web",
        "notebook.read",
        "read",
        None,
        "",
        None,
        [],
        0,
        None,
        "",
        "{}",
        "ok",
    ]
    return connection.execute(INSERT, values).fetchone()[0]


def lots(report) -> set[int]:
    return {int(n) for line in report.problems for n in re.findall(r"lot (\d+)", line)}


def test_an_intact_journal_verifies(journal):
    report = seals.verify()
    assert (report.problems, report.warnings) == ([], [])
    assert (report.lots, report.rows, report.unsealed) == (3, 12, 1)


def test_nothing_new_makes_no_seal(journal):
    assert sealed().rows == 1
    assert sealed() is None


SECOND = (
    "(SELECT id FROM audit_event WHERE xid >= (SELECT from_xid FROM audit_seal WHERE number = 2) ORDER BY xid LIMIT 1)"
)
CHANGES = {
    "at": "at + interval '1 microsecond'",
    "actor_user_id": "NULL",
    "practice_role_id": "uuidv7()",
    "actor_name": "actor_name || ' '",
    "actor_role": "''",
    "ground": "'team'",
    "source": "'job'",
    "action": "'notebook.printed'",
    "kind": "'export'",
    "circle_id": "uuidv7()",
    "target_type": "'x'",
    "target_id": "uuidv7()",
    "shown": "'{}'",
    "hidden": "8",
    "opening": "uuidv7()",
    "reason": "'x'",
    "details": "'{}'",
    "outcome": "'refused'",
    "id": "(substr(id::text, 1, 35) || CASE right(id::text, 1) WHEN '0' THEN '1' ELSE '0' END)::uuid",
}


def test_every_column_is_tried():
    assert set(CHANGES) == {f.column for f in AuditEvent._meta.local_fields} - {"xid", "segment"}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_names_its_lot(journal, column):
    superuser(journal, f"UPDATE audit_event SET {column} = {CHANGES[column]} WHERE id = {SECOND}")
    assert lots(seals.verify()) == {2}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            f"UPDATE audit_event SET xid = (SELECT from_xid FROM audit_seal WHERE number = 3) WHERE id = {SECOND}",
            {2, 3},
        ),
        (f"UPDATE audit_event SET segment = 7 WHERE id = {SECOND}", {2, 3}),
        (f"DELETE FROM audit_event WHERE id = {SECOND}", {2}),
        (
            "INSERT INTO audit_event SELECT uuidv7(), at, xid, segment, actor_user_id, practice_role_id, actor_name, actor_role,"
            " ground, source, action, kind, circle_id, target_type, target_id, shown, hidden, opening, reason, details, outcome"
            f" FROM audit_event WHERE id = {SECOND}",
            {2},
        ),
        (
            "INSERT INTO audit_event SELECT uuidv7(), at, '9000000'::xid8, segment, actor_user_id, practice_role_id, actor_name,"
            " actor_role, ground, source, action, kind, circle_id, target_type, target_id, shown, hidden, opening, reason,"
            f" details, outcome FROM audit_event WHERE id = {SECOND}",
            {3},
        ),
        ("DELETE FROM audit_event WHERE xid < (SELECT to_xid FROM audit_seal WHERE number = 2)", {1, 2}),
        ("DELETE FROM audit_seal WHERE number = 1", {1}),
        ("DELETE FROM audit_seal WHERE number = 2", {2, 3}),
        ("DELETE FROM audit_seal WHERE number = 3", {3}),
        ("DELETE FROM audit_seal", {1, 2, 3}),
        ("UPDATE audit_seal SET rows = 3 WHERE number = 2", {2, 3}),
        ("UPDATE audit_seal SET root = sha256('x') WHERE number = 2", {2, 3}),
        ("UPDATE audit_seal SET previous = sha256('x') WHERE number = 2", {2, 3}),
        ("UPDATE audit_seal SET to_xid = (to_xid::text::bigint + 1)::text::xid8 WHERE number = 3", {3}),
        ("UPDATE audit_seal SET signature = sha256('x') WHERE number = 3", {3}),
        ("UPDATE audit_seal SET at = at - interval '1 day' WHERE number = 3", {3}),
        ("UPDATE audit_seal SET key_id = 'x' WHERE number = 3", {3}),
        ("UPDATE audit_seal SET reason = 'restauration' WHERE number = 2", {2, 3}),
        ("UPDATE audit_seal SET number = 5 WHERE number = 3", {3, 4, 5}),
    ],
)
def test_a_change_by_the_superuser_names_its_lot(journal, change, named):
    superuser(journal, change)
    found = lots(seals.verify())
    assert found and found <= named and (min(named) in found or max(named) in found), found


def test_a_row_removed_with_its_seal_re_signed_by_another_key_is_seen(journal, tmp_path, settings):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cercle.base.audit import merkle

    superuser(journal, f"DELETE FROM audit_event WHERE id = {SECOND}")
    forged = Seal.objects.get(number=2)
    rows = seals._copy("default", seals.FORMATS[1], f"xid >= '{forged.from_xid}' AND xid < '{forged.to_xid}'")
    forged.root, forged.rows = merkle.Tree(rows).root(), 3
    forged.signature = Ed25519PrivateKey.generate().sign(seals.payload(forged))
    superuser(
        journal,
        f"UPDATE audit_seal SET rows = 3, root = '\\x{forged.root.hex()}', signature = '\\x{forged.signature.hex()}'"
        " WHERE number = 2",
    )
    assert 2 in lots(seals.verify())


def test_the_command_exits_in_error_and_names_the_lot(journal, capsys):
    call_command("audit", "verify")
    assert "Journal intact : 3 lot(s), 12 ligne(s)" in capsys.readouterr().out
    superuser(journal, f"UPDATE audit_event SET reason = 'x' WHERE id = {SECOND}")
    with pytest.raises(CommandError, match="lot 2"):
        call_command("audit", "verify")
    with pytest.raises(CommandError, match="lot 2"):
        call_command("audit", "verify", "--from", "2")
    call_command("audit", "verify", "--from", "3")


def test_the_seal_command_seals_what_waits(journal, capsys):
    settle()
    call_command("audit", "seal")
    call_command("audit", "seal")
    assert capsys.readouterr().out.splitlines() == ["lot 4 : 1 ligne(s) scellée(s)", "Rien à sceller."]


def test_without_an_exported_copy_verify_warns(journal, settings, tmp_path):
    settings.AUDIT_SEALS_DIR = tmp_path / "elsewhere"
    report = seals.verify()
    assert not report.problems and "exporté" in report.warnings[0]


def test_seals_that_could_not_be_exported_are_the_next_time(journal, settings, tmp_path):
    settings.AUDIT_SEALS_DIR = tmp_path / "elsewhere"
    sealed()
    assert [s.number for s in seals.exported()] == [1, 2, 3, 4]


def test_a_row_that_took_its_number_first_and_commits_last_is_sealed_later_and_not_skipped(journal):
    sealed()
    with psycopg.connect(journal.url("app")) as slow, psycopg.connect(journal.url("app")) as quick:
        late = raw_insert(slow)  # holds its transaction number, not committed
        early = raw_insert(quick)
        quick.commit()
        assert seals.seal() is None  # the neighbour waits for the slow one
        slow.commit()
        made = sealed()
        assert made.rows == 2
        events = AuditEvent.objects.filter(xid__gte=made.from_xid, xid__lt=made.to_xid).order_by("xid")
        assert [e.id for e in events] == [late, early]
    assert seals.verify().problems == []


def test_a_rolled_back_row_leaves_no_hole(journal):
    with psycopg.connect(journal.url("app")) as gone:
        raw_insert(gone)
        gone.rollback()
    sealed()
    assert seals.verify().problems == []


def test_writers_and_sealers_at_once_lose_nothing(journal):
    failures, stop = [], threading.Event()

    def write():
        with psycopg.connect(journal.url("app")) as connection:
            for i in range(60):
                raw_insert(connection)
                if i % 7 == 0:
                    connection.rollback()
                else:
                    connection.commit()

    def sealer():
        try:
            while not stop.is_set():
                seals.seal()
        except Exception as error:
            failures.append(error)
        finally:
            connections["default"].close()

    writers = [threading.Thread(target=write) for _ in range(3)]
    sealers = [threading.Thread(target=sealer) for _ in range(2)]
    for thread in writers + sealers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    sealed()
    report = seals.verify()
    assert failures == [] and report.problems == [] and report.unsealed == 0
    assert report.rows == AuditEvent.objects.count() == 13 + 3 * 51


def test_sealing_in_a_restored_database_is_refused_until_a_segment_is_declared(journal, monkeypatch):
    cluster, _ = seals._cluster("default")
    monkeypatch.setattr(seals, "_cluster", lambda using: (cluster + "1", 900))
    with pytest.raises(Refused, match="restaurée"):
        sealed()
    with pytest.raises(Refused):
        seals.new_segment("  ")
    opening = seals.new_segment("Restauration de la sauvegarde du 23/11")
    assert (opening.segment, opening.number, opening.rows) == (2, 5, 0)  # lot 4 closed the first segment
    record(alice(), "notebook.read")
    assert AuditEvent.objects.order_by("-id")[0].segment == 2
    monkeypatch.setattr(seals, "_cluster", lambda using: (cluster + "1", 10**9))
    assert sealed().number == 6
    report = seals.verify()
    assert (report.problems, report.lots, report.rows) == ([], 6, 14)


def test_after_a_restore_transaction_numbers_may_begin_again(journal):
    """Rows of the new segment whose numbers fall below the old ones belong to their own batches."""
    seals.new_segment("essai")
    superuser(
        journal,
        "INSERT INTO audit_event SELECT uuidv7(), at, xid, 2, actor_user_id, practice_role_id, actor_name, actor_role,"
        " ground, source, action, kind, circle_id, target_type, target_id, shown, hidden, opening, reason, details, outcome"
        f" FROM audit_event WHERE id = {SECOND}",
    )
    assert sealed().rows == 1
    assert seals.verify().problems == []
    superuser(journal, "UPDATE audit_event SET reason = 'x' WHERE segment = 2")
    assert lots(seals.verify()) == {6}


def test_seals_lost_by_a_restore_are_declared_once_and_stay_visible(journal):
    superuser(
        journal,
        "DELETE FROM audit_event WHERE xid >= (SELECT from_xid FROM audit_seal WHERE number = 3)",
        "DELETE FROM audit_seal WHERE number = 3",
    )
    assert lots(seals.verify()) == {3}
    opening = seals.new_segment("retour à la veille")
    assert opening.number == 4
    report = seals.verify()
    assert report.problems == []
    assert report.warnings == ["lots 3 à 3 perdus, déclarés à la restauration : retour à la veille"]


def test_rows_slipped_into_a_closed_segment_are_seen(journal):
    seals.new_segment("essai")
    sealed()
    superuser(
        journal,
        "UPDATE audit_event SET xid = '900000'::xid8 WHERE id = (SELECT id FROM audit_event ORDER BY id DESC LIMIT 1)",
    )
    assert seals.verify().problems


def test_one_row_can_be_proved_with_nothing_but_the_public_key(journal, capsys):
    for event in AuditEvent.objects.order_by("id")[:12]:
        call_command("audit", "prove", str(event.pk))
        proof = json.loads(capsys.readouterr().out)
        assert seals.is_proved(proof, keys.publics())
        assert not seals.is_proved({**proof, "leaf": proof["leaf"].replace("member", "team")}, keys.publics())
        assert not seals.is_proved(proof, {})
    with pytest.raises(Refused, match="pas encore scellée"):
        seals.prove(AuditEvent.objects.order_by("-id")[0].pk)


def test_the_key_is_outside_the_database_closed_to_others_and_not_replaced_in_silence(journal, settings):
    assert keys.path().stat().st_mode & 0o777 == 0o600
    keys.path().unlink()
    with pytest.raises(Refused, match="clef"):
        sealed()


def test_a_new_key_comes_with_a_new_segment_and_old_seals_still_verify(journal):
    keys.path().unlink()
    seals.new_segment("clef renouvelée")
    assert seals.verify().problems == []
    assert len(keys.publics()) == 2


def test_the_age_of_the_oldest_unsealed_row_is_known_and_alarms(journal, caplog):
    assert 0 <= seals.seal_age() < 60
    seals.watch()
    assert not caplog.records
    superuser(
        journal,
        "UPDATE audit_event SET at = at - interval '10 minutes' WHERE id = (SELECT id FROM audit_event ORDER BY id DESC LIMIT 1)",
    )
    assert seals.watch() > 590
    assert "oldest unsealed row" in caplog.text
    sealed()
    assert seals.seal_age() == 0


def test_next_years_partition_is_made_by_the_application_role_and_closed_to_it(journal, caplog):
    now = datetime.now(UTC)
    with psycopg.connect(journal.url("owner"), autocommit=True) as owner:
        owner.execute(f"DROP TABLE audit_event_{now.year + 1}")
    december = now.replace(month=12, day=1)
    assert not seals.partition_ready(today=december)
    assert seals.partition_ready(today=now.replace(month=6, day=1))
    assert seals.make_partitions() == [now.year + 1]
    assert seals.make_partitions() == []
    assert seals.partition_ready(today=december)
    from cercle.base.audit import grants

    assert grants.weaknesses() == []
    assert not caplog.records


def test_the_partition_alarm_rings(journal, caplog, monkeypatch):
    now = datetime.now(UTC)
    with psycopg.connect(journal.url("owner"), autocommit=True) as owner:
        owner.execute(f"DROP TABLE audit_event_{now.year + 1}")
        owner.execute("REVOKE EXECUTE ON FUNCTION audit_make_partition(int) FROM cercle_app")
    assert seals.make_partitions(today=now.replace(month=12, day=1)) == []
    assert "no partition" in caplog.text
