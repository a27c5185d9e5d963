import json

import psycopg
from django.db import connection, connections

from cercle import __version__


def test_health_says_version_database_jobs_and_seal(client, db):
    answer = client.get("/healthz")
    facts = answer.json()
    assert answer.status_code == 200
    assert facts["version"] == __version__
    assert facts["database"] == "ok"
    assert facts["jobs"] == {"state": "stopped", "workers": 0, "waiting": 0, "oldest_seconds": 0, "failed": 0}
    assert "age_seconds" in facts["seal"]


def test_health_needs_no_session_and_gives_none(client, db):
    assert not client.get("/healthz").cookies


def test_health_counts_what_waits(client, db):
    from cercle.base.common.tasks import forget_old

    forget_old.defer()
    assert client.get("/healthz").json()["jobs"]["waiting"] == 1


def test_health_fails_when_the_database_is_down(client, fresh_db):
    connections["default"].close()
    connection.settings_dict["NAME"] = "nowhere"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert json.loads(answer.content)["database"] == "down"


def test_a_connection_that_the_server_cut_is_replaced_before_a_request_meets_it(client, fresh_db):
    client.get("/healthz")
    before = connection.connection
    with psycopg.connect(fresh_db.url("superuser"), autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid <> pg_backend_pid() and datname = %s",
            [fresh_db.name],
        )
    assert client.get("/healthz").status_code == 200
    assert connection.connection is not before
