"""The fixtures themselves."""

import subprocess
import sys

from django.contrib.contenttypes.models import ContentType
from django.db import connection


def test_an_ordinary_test_works_as_the_application_role(db):
    ContentType.objects.create(app_label="x", model="y")
    with connection.cursor() as cursor:
        cursor.execute("select current_user, (select rolsuper from pg_roles where rolname = current_user)")
        assert cursor.fetchone() == ("cercle_app", False)


def test_rows_of_an_ordinary_test_are_gone_after_it(db):
    assert not ContentType.objects.filter(app_label="x").exists()


def test_a_fresh_database_is_seen_by_other_processes(fresh_db):
    ContentType.objects.create(app_label="x", model="y")
    code = "import django; django.setup(); from django.contrib.contenttypes.models import ContentType as C; "
    code += "print(C.objects.filter(app_label='x').count())"
    assert subprocess.check_output([sys.executable, "-c", code], env=fresh_db.env, text=True).strip() == "1"
