"""The figures' pages at the size of a region, and at ten times that: rows by SQL in a throw-away database, pages by Django's client.

    python -m bench.steering [--times 10] [--runs 7]

38 structures, 10,017 files, 170,043 sheets, 42,000 requests over three years; `--times` multiplies all but the structures.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cercle.base.common.postgres import Server

ROOT = Path(__file__).resolve().parent.parent
STRUCTURES, FILES, SHEETS, REQUESTS, DAYS = 38, 10_017, 170_043, 42_000, 1096


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="cercle-figures-"))
    home.chmod(0o711)
    server = Server(home, durable=False)
    try:
        server.start()
        server.create_database("figures")
        os.environ |= {
            "CERCLE_HOME": str(home), "DATABASE_URL": server.url("app", "figures"), "DATABASE_OWNER_URL": server.url("owner", "figures"),
            "DJANGO_SETTINGS_MODULE": "config.settings", "CERCLE_INSECURE_HTTP": "1", "CERCLE_MFA_REQUIRED": "0",
        }  # fmt: skip
        code = "import django; django.setup(); from django.core.management import call_command as c;"
        code += "c('migrate', 'common', database='owner', verbosity=0); c('migrate', database='owner', verbosity=0); c('collectstatic', interactive=False, verbosity=0)"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        measure(server, asked.times, asked.runs)
    finally:
        server.stop()
        shutil.rmtree(server.place, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def measure(server: Server, times: int, runs: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection, reset_queries
    from django.test import Client
    from django.urls import reverse

    settings.ALLOWED_HOSTS = ["*"]
    started = time.perf_counter()
    region, worker = fill(server, times)
    print(
        f"{FILES * times} files, {SHEETS * times} sheets, {REQUESTS * times} requests in {time.perf_counter() - started:.0f} s"
    )
    for who, person in (("a structure", worker), ("the region", region)):
        client = Client(headers={"host": "localhost"})
        client.force_login(person)
        for what, url in (
            ("dashboard, 12 months", reverse("steering:home") + "?p=an"),
            ("dashboard, 12 weeks", reverse("steering:home")),
            ("dashboard, 12 months as known three months ago", reverse("steering:home") + "?p=an&connu=" + ago(90)),
            ("all the indicators, 12 months", reverse("steering:every") + "?p=an"),
        ):
            spent = []
            for _n in range(runs):
                before = time.perf_counter()
                got = client.get(url)
                spent.append((time.perf_counter() - before) * 1000)
                assert got.status_code == 200, got.status_code
            spent.sort()
            print(
                f"{who:12} {what:48} median {statistics.median(spent):6.0f} ms, worst {spent[-1]:6.0f} ms, first {len(got.content) // 1024} kB"
            )
        if os.environ.get("SLOW"):
            settings.DEBUG = True
            reset_queries()
            client.get(reverse("steering:home") + "?p=an")
            for query in sorted(connection.queries, key=lambda q: -float(q["time"]))[:6]:
                print(query["time"], query["sql"][:700].replace("\n", " "))
            settings.DEBUG = False


def ago(days: int) -> str:
    from datetime import date, timedelta

    return (date.today() - timedelta(days=days)).isoformat()  # noqa: DTZ011


def fill(server: Server, times: int):
    """Rows by generate_series, as a superuser without triggers; the ones that figures read, and what a page needs."""
    import psycopg

    from cercle.care.coordination.models import CarePlan, CoordinationFile, FollowUpSheet
    from cercle.care.orientation.models import OrientationRequest
    from cercle.people.accounts.models import StructureAdmin, User
    from cercle.people.circles.models import Circle
    from cercle.people.directory.models import Commune, Organization, PracticeRole, Practitioner
    from cercle.people.patients.models import Coordinates, Identity, Patient

    with psycopg.connect(server.url("superuser", "figures"), autocommit=True) as cursor:
        cursor.execute("SET session_replication_role = replica")

        def rows(model, count: int, **given: str) -> None:
            """`given`: SQL over the number `g`; the other columns take their default."""
            columns, values = [], []
            for field in model._meta.concrete_fields:
                if field.generated or field.get_internal_type() in ("AutoField", "BigAutoField"):
                    continue
                if field.column in given:
                    value = given[field.column]
                elif field.has_db_default() or field.null:
                    continue
                else:
                    default = field.get_default()
                    if default is None or hasattr(default, "isoformat"):
                        value = "now()"
                    elif isinstance(default, dict | list):
                        value = "'{}'"
                    else:
                        value = (
                            f"'{default}'"
                            if isinstance(default, str)
                            else str(int(default))
                            if not isinstance(default, bool)
                            else str(default)
                        )
                columns.append(f'"{field.column}"')
                values.append(value)
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM generate_series(1, {count}) g"
            )

        def key(kind: str, number: str) -> str:
            return f"md5('{kind}' || ({number}))::uuid"

        def day(number: str, spread: int = DAYS) -> str:
            return f"now() - ((({number}) % {spread}) * interval '1 day') - interval '1 hour'"

        files, sheets, requests = FILES * times, SHEETS * times, REQUESTS * times
        rows(Organization, STRUCTURES, id=key("o", "g"), name="'DAC ' || g", category="'606'")
        rows(Practitioner, STRUCTURES * 5, id=key("p", "g"), family="'Nom' || g", given="'Prénom'")
        rows(
            PracticeRole, STRUCTURES * 5, id=key("r", "g"), practitioner_id=key("p", "g"), organization_id=key("o", f"g % {STRUCTURES} + 1"),
            profession_system="'TRE_G15'", profession="'60'",
        )  # fmt: skip
        rows(
            Commune, 280, code="lpad((29000 + g)::text, 5, '0')", kind="'COM'", name="'Commune ' || g", lat="47.8 + (g % 20) * 0.03",
            lon="-4.5 + (g / 20) * 0.05", postal_codes="'{}'", population="g * 37",
        )  # fmt: skip
        rows(Patient, files, id=key("pa", "g"), identity_id=key("i", "g"))
        rows(
            Identity, files, id=key("i", "g"), patient_id=key("pa", "g"), birth_family="'Famille' || g", birth_given="'Anne'",
            sex="CASE g % 3 WHEN 0 THEN 'M' ELSE 'F' END", birth_date="'1940'", birth_earliest="date '1925-01-01' + (g % 15000)",
            birth_latest="date '1925-01-01' + (g % 15000)", decided_at="now() - interval '4 years'", status="'PROV'", method="'SM'",
        )  # fmt: skip
        rows(
            Coordinates,
            files,
            patient_id=key("pa", "g"),
            commune_code="lpad((29000 + g % 280 + 1)::text, 5, '0')",
            decided_at="now() - interval '4 years'",
        )
        rows(Circle, files, patient_id=key("pa", "g"))
        rows(
            CoordinationFile, files, id=key("f", "g"), patient_id=key("pa", "g"), organization_id=key("o", f"g % {STRUCTURES} + 1"),
            level="g % 3 + 1", referent_id=key("r", f"g % {STRUCTURES} + {STRUCTURES} * (g % 5)"), opened_at=day("g * 7"), entry_reason="'home'",
            recorded_at=day("g * 7"), state="CASE WHEN g % 3 = 0 THEN 'closed' ELSE 'open' END",
            closed_at=f"CASE WHEN g % 3 = 0 THEN least(now(), {day('g * 7')} + interval '120 days') END",
            exit_reason="CASE WHEN g % 3 = 0 THEN 'goals' ELSE '' END",
        )  # fmt: skip
        rows(
            FollowUpSheet, sheets, file_id=key("f", f"g % {files} + 1"), organization_id=key("o", f"(g % {files} + 1) % {STRUCTURES} + 1"),
            act="(ARRAY['call','visit','meeting','mail'])[g % 4 + 1]", minutes="15 + g % 60", text="'Point de situation avec la famille.'",
            author_name="'x'", at=day("g * 11"), recorded_at=day("g * 11"),
        )  # fmt: skip
        rows(
            CarePlan, files // 2, circle_id=key("pa", "g"), organization_id=key("o", f"g % {STRUCTURES} + 1"), author_name="'x'",
            opened_at=day("g * 7"), recorded_at=day("g * 7"), review_on="current_date + (g % 300)::int - 150", state="'signed'",
        )  # fmt: skip
        rows(
            OrientationRequest, requests, organization_id=key("o", f"g % {STRUCTURES} + 1"), number="(g / 38)::text", channel="'phone'",
            level="g % 3 + 1", asker_kind="(ARRAY['professional','relative','person'])[g % 3 + 1]", asker_name="'x'", due_at="now()",
            commune_code="lpad((29000 + g % 280 + 1)::text, 5, '0')", received_at=day("g * 13"), recorded_at=day("g * 13"),
            first_contact_at=f"{day('g * 13')} + (g % 9) * interval '6 hours'", answered_at=f"{day('g * 13')} + (g % 9) * interval '9 hours'",
            closed_at=f"{day('g * 13')} + interval '5 days'", state="'closed'", outcome="'advice'", answer_how="'phone'", answer_text="'x'",
        )  # fmt: skip
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
    region = User.objects.create_user("region@exemple.fr", "une longue phrase", kind="operator")
    role = PracticeRole.objects.filter(organization__name="DAC 1").first()
    worker = User.objects.create_user(
        "dac@exemple.fr", "une longue phrase", practitioner=role.practitioner, last_context=role
    )
    StructureAdmin.objects.create(user=worker, organization=role.organization)
    return region, worker


if __name__ == "__main__":
    main()
