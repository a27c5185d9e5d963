import pytest
from django.db import connection
from django.db.utils import DataError
from django.test.utils import CaptureQueriesContext

from cercle.base.common.prepared import prepared

pytestmark = pytest.mark.django_db


def _prepared_texts() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def test_a_statement_is_planned_once_and_kept_on_the_connection():
    for n in (1, 2):
        with prepared() as cursor:
            cursor.execute("SELECT %(n)s::int + 1 /* kept here */", {"n": n})
            assert cursor.fetchone() == (n + 1,)
    assert sum("kept here" in text for text in _prepared_texts()) == 1


def test_other_statements_stay_unprepared_as_django_wants():
    with prepared() as cursor:
        cursor.execute("SELECT 1")
    for _ in range(8):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2 /* never kept */")
    assert not any("never kept" in text for text in _prepared_texts())


def test_wrappers_and_the_query_log_see_it():
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), CaptureQueriesContext(connection) as log, prepared() as cursor:
        cursor.execute("SELECT %(a)s::text", {"a": "x"})
        cursor.execute("SELECT %(a)s::text", {"a": "y"})
    assert seen == ["SELECT %(a)s::text"] * 2
    assert ["::text" in q["sql"] for q in log.captured_queries] == [True, True]


def test_an_error_is_djangos_own():
    with pytest.raises(DataError), prepared() as cursor:
        cursor.execute("SELECT %(a)s::int", {"a": "pas un nombre"})
