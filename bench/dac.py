"""A region's DACs, at the size that Gwalenn told of and at ten times that: what a coordinator, a director and the region read.

38 structures, 10,017 files, 170,043 sheets, 42,000 requests over three years; ×10 multiplies all but the structures, coordinators
included. Rows go straight into the tables of a database of its own (no verb could write two million in a minute), with the past
states that triggers would have kept. Inside that database (`python -m bench.dac PLAN`): accounts, what they will ask, and the
statements that their pages send.
"""

import hashlib
import os
import pickle
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from .site import ROOT, Site
from .work import Work

STRUCTURES, COORDINATORS, FILES, SHEETS, REQUESTS, DAYS = 38, 5, 10_017, 170_043, 42_000, 1096
PEOPLE = {"coordinator": "bench-coordinator@demo.example", "region": "bench-region@demo.example"}
DACS = {"1": 1, "10": 10}


def _turn(key: str, path: str = "{}"):
    return lambda s, p, n: s.get(path.format(p[key][n % len(p[key])]))


def _page(path: str):
    return lambda s, p, n: s.get(path)


YEAR = "?p=an"
WORKS = [
    Work("desk", "guichet, file", "coordinator", _page("/guichet/"), aim=100),
    Work("request", "guichet, demande ouverte", "coordinator", _turn("requests", "/guichet/{}/"), aim=100),
    Work("caseload", "mes dossiers", "coordinator", _page("/dossiers/"), aim=100),
    Work("caseload_all", "dossiers de la structure", "coordinator", _page("/dossiers/?qui=all"), aim=100),
    Work("support", "un dossier : où en est-on ?", "coordinator", _turn("files", "/dossiers/{}/"), aim=100),
    Work("panel", "le même, page du patient", "coordinator", _turn("circles", "/patients/{}/coordination/"), aim=100),
    Work("tasks", "mes tâches", "coordinator", _page("/taches/"), aim=100),
    Work("sheets", "fiches, par acte et sujet", "coordinator", _page("/dossiers/fiches/?qui=all&acte=visit&sujet=housing"), aim=100),
    Work("agenda", "agenda, semaine", "coordinator", _page("/agenda/"), aim=100),
    Work("figures", "pilotage, 12 mois", "coordinator", _page("/pilotage/" + YEAR), aim=300),
    Work("figures_past", "le même, connu il y a 90 jours", "coordinator", _turn("past", "/pilotage/?p=an&connu={}"), aim=300),
    Work("behind", "liste derrière un chiffre", "coordinator", _page("/pilotage/indicateurs/actes/liste/" + YEAR), aim=100),
    Work("region", "région, une année", "region", _page("/pilotage/" + YEAR), aim=300),
]  # fmt: skip


def aim(work: Work, size: str) -> int:
    """p95 in milliseconds: lists and pages keep theirs at both sizes, a dashboard has a second at ten times."""
    return 1000 if work.aim == 300 and size == "dac-10" else work.aim


class DacSite(Site):
    PREPARE = "bench.dac"

    def __init__(self, times: str):
        super().__init__(f"dac-{times}", patients=0)
        self.times = DACS[times]

    def ready(self, say) -> None:
        stamp = self.home / "loader"
        made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
        if stamp.exists() and stamp.read_text() in (made_by, "keep"):
            self.cercle("migrate", "--verbosity", "0")
            return
        self.forget()
        say(f"{self.size} : chargement de {SHEETS * self.times} fiches…")
        started = time.monotonic()
        self.cercle("migrate", "--verbosity", "0")
        self.cercle("reference", "load")
        self.server.acquire()
        try:
            self._python("bench.dac", "--fill", self.server.url("superuser"), str(self.times))
        finally:
            self.server.release()
        stamp.write_text(made_by)
        say(f"{self.size} : chargé en {time.monotonic() - started:.0f} s")

    def beside(self, environment: dict) -> None:
        """Statements replayed, nothing else."""

    def told(self) -> dict:
        return {"size": self.size, "files": self.plan["files"], "sheets": self.plan["sheets"]}

    def tidy(self) -> None:
        """Reading leaves traces, and nothing else."""

    def _python(self, module: str, *words: str) -> None:
        env = self.environment(DATABASE_URL=self.server.url("app"), DATABASE_OWNER_URL=self.server.url("owner"))
        subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, env=env, check=True)


# --- Rows -------------------------------------------------------------------------------------------------------------
def fill(url: str, times: int) -> None:
    """Rows by generate_series, as a superuser without triggers."""
    import psycopg

    from cercle.care.agenda.models import Appointment, Calendar, Entry
    from cercle.care.coordination.models import (
        Action,
        CarePlan,
        CoordinationFile,
        FollowUpSheet,
        Goal,
        Meeting,
        PlanEvent,
    )
    from cercle.care.orientation.models import OrientationRequest
    from cercle.doors.steering.sources import KEPT
    from cercle.people.circles import rights
    from cercle.people.circles.models import Circle, CircleCounter, Member
    from cercle.people.directory.models import Organization, PracticeRole, Practitioner
    from cercle.people.patients.models import Coordinates, Identity, Patient

    profile = rights.current().profile_of("JDV_J48", "309")
    files, sheets, requests, roles = FILES * times, SHEETS * times, REQUESTS * times, STRUCTURES * COORDINATORS * times

    def key(kind: str, number: str) -> str:
        return f"md5('{kind}' || ({number}))::uuid"

    def dice(sides: int | str, of: int) -> str:
        """A number below `sides` that depends on the row's number only."""
        return f"(hashint8extended(g::bigint, {of}) & 1073741823) % ({sides})"

    def among(words: str, of: int) -> str:
        some = words.split()
        listed = "','".join(some)
        return f"(ARRAY['{listed}'])[{dice(len(some), of)} + 1]"

    def ago(of: int) -> str:
        return f"now() - ({dice(DAYS * 1440, of)}) * interval '1 minute'"

    def chance(value: str, percent: int, of: int, otherwise: str = "NULL") -> str:
        return f"CASE WHEN {dice(100, of)} < {percent} THEN {value} ELSE {otherwise} END"

    # A structure's coordinators are the roles o, o + 38, o + 76…; a file's structure is its number's remainder.
    own = f"(g % {STRUCTURES} + 1)"
    hers = f"({own} + {STRUCTURES} * ({dice(COORDINATORS * times, 1)}))"
    with psycopg.connect(url) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL work_mem = '256MB'")

        def rows(model, count: int, source: str = "", **given: str) -> None:
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
                    value = _literal(field.get_default())
                columns.append(f'"{field.column}"')
                values.append(value)
            source = source or f"generate_series(1, {count}) g"
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {source}"
            )

        rows(Organization, STRUCTURES, id=key("o", "g"), name="'DAC ' || g", category="'606'")
        rows(Practitioner, roles, id=key("p", "g"), family="'Nom' || g", given="'Prénom'")
        rows(
            PracticeRole, roles, id=key("r", "g"), practitioner_id=key("p", "g"), organization_id=key("o", f"(g - 1) % {STRUCTURES} + 1"),
            profession_system="'JDV_J48'", profession="'309'", function="'330'", mode="'S'",
        )  # fmt: skip
        cursor.execute("CREATE TEMP TABLE town (n int PRIMARY KEY, code text)")
        cursor.execute(
            "INSERT INTO town SELECT row_number() OVER (ORDER BY code) - 1, code FROM directory_commune"
            " WHERE kind = 'COM' AND department IN ('22', '29', '35', '56')"
        )
        cursor.execute("ANALYZE town")
        towns = cursor.execute("SELECT count(*) FROM town").fetchone()[0]
        # A structure's communes are neighbours in the list.
        town = f"(SELECT code FROM town WHERE n = (({own} * {towns // STRUCTURES} + {dice(towns // STRUCTURES, 2)}) % {towns})::int)"
        rows(Patient, files, id=key("pa", "g"), identity_id=key("i", "g"))
        rows(
            Identity, files, id=key("i", "g"), patient_id=key("pa", "g"), birth_family="'Famille' || g", birth_given="'Anne'",
            sex=among("F F M", 3), birth_date="'1940'", birth_earliest=f"date '1925-01-01' + ({dice(15000, 4)})::int",
            birth_latest="date '1970-01-01'", decided_at="now() - interval '4 years'", status="'PROV'", method="'SM'",
        )  # fmt: skip
        rows(Coordinates, files, patient_id=key("pa", "g"), commune_code=town, decided_at="now() - interval '4 years'")
        rows(Circle, files, patient_id=key("pa", "g"))
        rows(CircleCounter, files, circle_id=key("pa", "g"))
        rows(
            Member, files, id=key("m", "g"), circle_id=key("pa", "g"), kind="'practice_role'", practice_role_id=key("r", hers), profile=f"'{profile.code}'",
            reader_mask=str(profile.mask), ground="'recognised'", started_at=ago(5), recorded_at=ago(5),
        )  # fmt: skip
        closed = f"least(now(), {ago(5)} + ({dice(400, 6)} + 20) * interval '1 day')"
        rows(
            CoordinationFile, files, id=key("f", "g"), patient_id=key("pa", "g"), organization_id=key("o", own), level=f"{dice(3, 7)} + 1",
            referent_id=key("r", hers), opened_at=ago(5), recorded_at=ago(5), entry_reason=among("home discharge autonomy cognitive carer rights", 8),
            state=chance("'closed'", 45, 9, "'open'"), closed_at=chance(closed, 45, 9), exit_reason=chance(among("goals relay residence death", 10), 45, 9, "''"),
            family_situation=among("alone alone couple children", 11), last_act_at=f"now() - ({dice(200, 12)}) * interval '1 day'",
            review_on=chance(f"current_date + ({dice(200, 13)})::int - 40", 60, 14), synthesis="'Vit seule, aides le soir à organiser.'",
        )  # fmt: skip
        file = f"({dice(files, 15)} + 1)"
        rows(
            FollowUpSheet, sheets, source=f"(SELECT g, {file} AS f FROM generate_series(1, {sheets}) g) s", file_id=key("f", "f"),
            organization_id=key("o", f"f % {STRUCTURES} + 1"), act=among("call call call visit visit admin mail meeting", 16),
            topic=among("coordination assessment health home_help rights carer housing", 17), minutes=f"10 + 5 * ({dice(16, 18)})",
            text="'Point de situation avec la famille et l’infirmière : passages du soir à revoir, dossier d’APA en attente.'", author_name="'x'",
            author_role_id=key("r", f"f % {STRUCTURES} + 1 + {STRUCTURES} * ({dice(COORDINATORS * times, 19)})"), at=ago(20),
            recorded_at=f"least(now(), {ago(20)} + ({dice(5, 21)}) * interval '1 day')",
        )  # fmt: skip
        rows(
            CarePlan, files * 2 // 3, id=key("pl", "g"), circle_id=key("pa", "g"), organization_id=key("o", own), author_name="'x'", opened_at=ago(5),
            recorded_at=ago(5), review_on=chance(f"current_date + ({dice(300, 22)})::int - 100", 80, 23), state=among("draft agreed signed signed", 24),
        )  # fmt: skip
        rows(
            PlanEvent, files * 2 // 3, plan_id=key("pl", "g"), kind="'signed'", from_state="'agreed'", to_state="'signed'", author_name="'x'",
            at=ago(5), recorded_at=ago(5),
        )  # fmt: skip
        rows(
            Goal, files * 4 // 3, id=key("go", "g"), plan_id=key("pl", f"g % ({files * 2 // 3}) + 1"), circle_id=key("pa", f"g % ({files * 2 // 3}) + 1"),
            label="'Rentrer chez moi après chaque visite'", author_name="'x'",
        )  # fmt: skip
        rows(
            Action, files * 8 // 3, goal_id=key("go", f"g % ({files * 4 // 3}) + 1"), label="'Demander l’APA'", author_name="'x'", owner_kind="'outsider'",
            owner_name="'La mairie'", due_on=f"current_date + ({dice(200, 25)})::int - 60", state=among("done done in_progress proposed", 26),
        )  # fmt: skip
        rows(
            Meeting, files // 4, circle_id=key("pa", "g"), organization_id=key("o", own), title="'RCP'", starts_at=ago(27), recorded_at=ago(27),
            state="'held'", author_name="'x'",
        )  # fmt: skip
        later = f"{ago(28)} + ({dice(7200, 29)}) * interval '1 minute'"
        answered = f"{later} + ({dice(5000, 30)}) * interval '1 minute'"
        ended = f"{answered} + ({dice(9000, 31)}) * interval '1 minute'"
        rows(
            OrientationRequest, requests, id=key("q", "g"), organization_id=key("o", own), number="g::text",
            channel=among("phone phone phone web_pro mail web_public visit", 32), level=chance(f"{dice(3, 33)} + 1", 95, 34),
            reason=among("home discharge autonomy cognitive carer rights isolation housing", 35), urgency=among("0 0 0 1 1 2", 36) + "::smallint",
            asker_kind=among("professional professional relative person structure", 37), asker_name="'Mme Le Roux'", due_at=f"{ago(28)} + interval '2 days'",
            reason_text="'Sort de l’hôpital vendredi, sa fille demande qui peut passer le soir.'", person_family="'Famille' || g", person_given="'Anne'",
            commune_code=town, assigned_role_id=key("r", hers), received_at=ago(28), recorded_at=ago(28),
            first_contact_at=f"CASE WHEN {later} < now() THEN {later} END", answered_at=f"CASE WHEN {answered} < now() THEN {answered} END",
            answer_how="'phone'", answer_text="'x'", closed_at=f"CASE WHEN {ended} < now() THEN {ended} END",
            state=f"CASE WHEN {ended} < now() THEN 'closed' WHEN {later} < now() THEN 'orientation' ELSE 'received' END",
            outcome=f"CASE WHEN {ended} < now() THEN {among('advice advice oriented refused', 38)} ELSE '' END",
        )  # fmt: skip
        rows(Calendar, roles, id=key("c", "g"), kind="'person'", practice_role_id=key("r", "g"))
        slots = roles * 15 * 30  # fifteen a week, thirty weeks
        monday = f"date_trunc('week', now()) + (((g / {roles}) / 15)::int - 15) * interval '1 week'"
        start = f"{monday} + ((g / {roles}) % 5) * interval '1 day' + (8 + ((g / {roles}) % 15) / 5 * 3) * interval '1 hour'"
        whose = f"(g % {roles} + 1)"
        rows(
            Appointment, slots, id=key("a", "g"), kind=among("visit call meeting", 39), title="'Visite'", starts_at=start, minutes="60",
            last_at=f"{start} + interval '1 hour'", organization_id=key("o", f"({whose} - 1) % {STRUCTURES} + 1"), author_role_id=key("r", whose),
            author_name="'x'",
        )  # fmt: skip
        rows(
            Entry,
            slots,
            calendar_id=key("c", whose),
            appointment_id=key("a", "g"),
            starts_at=start,
            last_at=f"{start} + interval '1 hour'",
        )
        for table, was, then in (
            ("orientation_orientationrequest", {"first_contact_at": "NULL", "answered_at": "NULL", "closed_at": "NULL", "state": "'received'"}, "first_contact_at"),
            ("orientation_orientationrequest", {"closed_at": "NULL", "state": "'orientation'"}, "closed_at"),
            ("coordination_coordinationfile", {"level": "1", "closed_at": "NULL", "state": "'open'"}, "least(now(), opened_at + interval '60 days')"),
            ("coordination_careplan", {"review_on": "opened_at::date"}, "least(now(), opened_at + interval '90 days')"),
            ("coordination_followupsheet", {"minutes": "5"}, "CASE WHEN minutes = 10 THEN recorded_at + interval '1 hour' END"),
        ):  # fmt: skip
            data = ", ".join(f"'{c}', {was.get(c, 't.' + c)}" for c in KEPT[table].split())
            cursor.execute(
                "INSERT INTO steering_superseded (source, row_id, organization_id, recorded_at, data, superseded_at) SELECT"
                f" '{table}', t.id, t.organization_id, t.recorded_at, jsonb_build_object({data}), {then} FROM {table} t WHERE {then} IS NOT NULL"
            )
    with psycopg.connect(url, autocommit=True) as cursor:
        cursor.execute("VACUUM ANALYZE")


def _literal(default) -> str:
    match default:
        case bool() | int():
            return str(default)
        case str():
            return f"'{default}'"
        case dict():
            return "'{}'::jsonb"
        case list():
            return "'{}'"
        case _:
            return "now()"


# --- Who asks what ----------------------------------------------------------------------------------------------------
def prepare() -> dict:
    from django.db import connection
    from django.utils import timezone

    from cercle.people.accounts import actions as accounts
    from cercle.people.accounts.models import User
    from cercle.people.directory.models import PracticeRole

    from .prepare import PASSWORD, SECRET, taken

    people: dict = {}
    for who, login in PEOPLE.items():
        user = User.objects.filter(email=login).first()
        if user is None:
            role = PracticeRole.objects.filter(organization__name="DAC 1").order_by("pk").first()
            kept = (
                {"kind": "operator"} if who == "region" else {"practitioner": role.practitioner, "last_context": role}
            )
            user = User.objects.create_user(login, PASSWORD, first_name="Bench", last_name="Banc", **kept)
            accounts.give_second_factor(user, SECRET)
        people[who] = {
            "login": login,
            "password": PASSWORD,
            "secret": SECRET,
            "user": str(user.pk),
            "lands": "/pilotage/",
        }
    with connection.cursor() as cursor:
        for name, sql in {
            "requests": "SELECT id FROM orientation_orientationrequest WHERE organization_id = %s AND state <> 'closed' ORDER BY id LIMIT 200",
            "files": "SELECT id FROM coordination_coordinationfile WHERE organization_id = %s AND state <> 'closed' ORDER BY id LIMIT 200",
            "circles": "SELECT f.patient_id FROM coordination_coordinationfile f WHERE f.referent_id = (SELECT last_context_id FROM accounts_user"
            " WHERE email = 'bench-coordinator@demo.example') AND f.organization_id = %s AND f.state <> 'closed' ORDER BY f.id LIMIT 200",
        }.items():  # fmt: skip
            cursor.execute(sql, [User.objects.get(email=PEOPLE["coordinator"]).last_context.organization_id])
            people["coordinator"][name] = [str(pk) for (pk,) in cursor.fetchall()]
        for who in people:
            people[who]["past"] = [(timezone.localdate() - timedelta(days=90)).isoformat()]
        cursor.execute(
            "SELECT (SELECT count(*) FROM coordination_coordinationfile), (SELECT count(*) FROM coordination_followupsheet)"
        )
        files, sheets = cursor.fetchone()
    for who, person in people.items():
        asked = {
            w.key: [w.request(Paths(), person, n) for n in range(20 if w.aim == 100 else 3)]
            for w in WORKS
            if w.who == who
        }
        person["statements"] = taken(person["user"], asked)
    return {"people": people, "files": files, "sheets": sheets}


class Paths:
    """A session that only says which page it would ask for."""

    def get(self, path: str) -> tuple:
        return "get", path, None, {}


def main() -> None:
    import django

    django.setup()
    if sys.argv[1] == "--fill":
        return fill(sys.argv[2], int(sys.argv[3]))
    from config.service import static

    static.collect(lambda text: None)
    Path(sys.argv[1]).write_bytes(pickle.dumps(prepare()))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
