"""One act, one row, one statement; nobody changes it afterwards."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from cercle.base.audit import grants, reactions
from cercle.base.audit.models import AuditEvent, Kind
from cercle.base.audit.record import SYSTEM, TraceOutsideTransaction, kind_of, record

from .acting import alice

CIRCLE = uuid.UUID("01a20d36-0000-7000-8000-000000000001")


@pytest.fixture
def heard():
    facts = []
    reactions.on("test.thing_added")(facts.append)
    yield facts
    reactions._reactions.pop("test.thing_added")


def test_one_row_says_who_what_where_and_what_was_shown(db):
    shown, opening, role = [uuid.uuid4(), uuid.uuid4()], uuid.uuid4(), uuid.uuid4()
    acting = alice(CIRCLE, opening=opening, practice_role_id=role)
    row = AuditEvent.objects.get(pk=record(acting, "notebook.read", kind=Kind.READ, shown=shown, details={"count": 2}))
    assert (row.actor_user_id, row.practice_role_id, row.actor_name) == (acting.user_id, role, "Alice Le Gall")
    assert (row.actor_role, row.ground, row.source, row.opening) == ("Infirmière", "member", "web", opening)
    assert (row.action, row.kind, row.circle_id, row.shown) == ("notebook.read", "read", CIRCLE, shown)
    assert (row.details, row.outcome, row.hidden) == ({"count": 2}, "ok", 0)
    assert row.at and row.xid > 0 and row.segment == 1 and row.id.version == 7


def test_a_trace_costs_one_statement(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        record(alice(CIRCLE), "test.thing_changed")


def test_the_row_concerned_gives_type_id_and_circle(db):
    event = AuditEvent(pk=uuid.uuid4(), circle_id=CIRCLE)
    row = AuditEvent.objects.get(pk=record(SYSTEM, "test.thing_changed", on=event))
    assert (row.target_type, row.target_id, row.circle_id) == ("audit.auditevent", event.pk, CIRCLE)


def test_a_key_that_is_no_uuid_is_kept_in_the_details(db):
    from django.contrib.contenttypes.models import ContentType

    row = AuditEvent.objects.get(pk=record(SYSTEM, "test.thing_changed", on=ContentType(pk=7)))
    assert (row.target_id, row.details) == (None, {"target": "7"})


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("notebook.note_added", Kind.CREATE),
        ("notebook.read", Kind.READ),
        ("circles.file_opened", Kind.READ),
        ("patients.searched", Kind.SEARCH),
        ("notebook.note_withdrawn", Kind.DELETE),
        ("notebook.printed", Kind.EXPORT),
        ("accounts.signed_in", Kind.LOGIN),
        ("patients.identity_qualified", Kind.UPDATE),
    ],
)
def test_the_verb_of_an_action_says_its_kind(action, kind):
    assert kind_of(action) == kind


def test_a_reaction_hears_the_fact_with_its_mask(db, heard):
    acting = alice(CIRCLE)
    event_id = record(acting, "test.thing_added", hidden=8, details={"a": 1})
    (fact,) = heard
    assert (fact.id, fact.circle_id, fact.hidden, fact.actor_user_id) == (event_id, CIRCLE, 8, acting.user_id)
    record(acting, "test.thing_added", outcome="refused")
    record(acting, "test.other_added")
    assert len(heard) == 1


def test_when_a_reaction_fails_nothing_is_kept(fresh_db):
    def fails(fact):
        raise RuntimeError("no queue")

    reactions.on("test.thing_added")(fails)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            record(SYSTEM, "test.thing_added")
    finally:
        reactions.off(fails)
    assert not AuditEvent.objects.exists()


def test_a_rollback_keeps_nothing(fresh_db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(SYSTEM, "test.thing_added")
        1 / 0  # noqa: B018
    assert not AuditEvent.objects.exists()


def test_a_change_traced_outside_a_transaction_is_a_mistake_and_a_read_is_not(fresh_db):
    with pytest.raises(TraceOutsideTransaction):
        record(SYSTEM, "notebook.note_added")
    assert not AuditEvent.objects.exists()
    record(alice(CIRCLE), "notebook.read")
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE audit_event SET action = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "DELETE FROM audit_event_before",
        "INSERT INTO audit_event_before SELECT * FROM audit_event",
        "UPDATE audit_seal SET rows = 0",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE audit_event ALTER segment SET DEFAULT 9",
        "DROP TABLE audit_event",
        "SELECT audit_make_partition(2031)",
        *(
            f"INSERT INTO audit_event ({column}, actor_name, actor_role, ground, source, action, kind, target_type, shown,"
            f" hidden, reason, details, outcome) VALUES ({value}, '', '', '', '', '', '', '', '{{}}', 0, '', '{{}}', '')"
            for column, value in [
                ("id", "uuidv7()"),
                ("at", "now()"),
                ("xid", "pg_current_xact_id()"),
                ("segment", "1"),
                ("id", "DEFAULT"),
            ]
        ),
    ],
)
def test_the_application_role_can_only_append(db, attempt):
    record(SYSTEM, "notebook.read")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attempt)


def test_this_years_partition_is_closed_to_the_application_too(db):
    row = AuditEvent.objects.get(pk=record(SYSTEM, "notebook.read"))
    for attempt in ("DELETE FROM", "TRUNCATE"):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{attempt} audit_event_{row.at.year}")


@pytest.mark.parametrize("attempt", ["UPDATE {} SET action = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_even_the_owner_meets_a_second_lock(fresh_db, attempt):
    import psycopg

    record(SYSTEM, "notebook.read")
    with psycopg.connect(fresh_db.url("owner")) as owner:
        year = owner.execute("SELECT extract(year FROM now() AT TIME ZONE 'UTC')::int").fetchone()[0]
        for table in ("audit_event", f"audit_event_{year}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"), owner.transaction():
                owner.execute(attempt.format(table))


def test_the_rights_are_seen_to_hold_and_a_wider_grant_is_seen_and_undone(fresh_db):
    import psycopg
    from django.db import connections

    assert grants.weaknesses() == []
    with psycopg.connect(fresh_db.url("owner"), autocommit=True) as owner:
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO cercle_app")
    assert any("UPDATE on audit_event" in w for w in grants.weaknesses())
    assert grants.apply(connections["owner"])
    assert grants.weaknesses() == []


def test_a_missing_role_is_skipped(fresh_db):
    from django.db import connections

    assert grants.apply(connections["owner"], role="nobody_of_that_name") is False
