"""Inside one dataset: accounts of the bench, their circles, what they will ask, and the statements that the pages send.

Runs in its own process (`python -m bench.prepare PLAN`) because Django knows one database address a process.
"""

import os
import pickle
import sys
from pathlib import Path

PASSWORD, SECRET = "banc d’essai cercle", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# who: login, given, system, profession, function, circles
PEOPLE = {
    "nurse": ("bench-nurse@demo.example", "Bench", "TRE_G15", "60", "", 60),
    "dac": ("bench-dac@demo.example", "Desk", "JDV_J48", "309", "330", 2000),
    "writer": ("bench-writer@demo.example", "Writer", "TRE_G15", "60", "", 1000),
}
READS = 30  # circles whose page is taken apart


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    from config.service import static

    static.collect(lambda text: None)
    plan: dict = {"people": {}}
    for who, facts in PEOPLE.items():
        plan["people"][who] = person(who, *facts)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM patients_patient), (SELECT count(*) FROM notebook_note), (SELECT count(*) FROM audit_event)"
        )
        plan["patients"], plan["notes"], plan["events"] = cursor.fetchone()
    for who in ("nurse", "dac"):
        plan["people"][who]["statements"] = statements(plan["people"][who])
    plan["defer"] = defer(plan["people"]["writer"])
    Path(sys.argv[1]).write_bytes(pickle.dumps(plan))


def person(who: str, login: str, given: str, system: str, profession: str, function: str, wanted: int) -> dict:
    from django.db import connection

    from cercle.people.accounts import actions as accounts
    from cercle.people.accounts.models import User
    from cercle.people.circles import rights
    from cercle.people.directory.models import PracticeRole, Practitioner

    user = User.objects.filter(email=login).first()
    if user is None:
        practitioner = Practitioner.objects.create(given=given, family="Banc", civility="MME", source="bench")
        role = PracticeRole.objects.create(
            practitioner=practitioner,
            profession_system=system,
            profession=profession,
            function=function,
            mode="L",
            source="bench",
        )
        user = User.objects.create_user(
            login,
            PASSWORD,
            first_name=given,
            last_name="Banc",
            practitioner=practitioner,
            last_context=role,
            kind="professional",
        )
        accounts.give_second_factor(user, SECRET)
    role = user.last_context
    profile = rights.current().profile_of(system, profession)
    given_ = {
        "role": role.pk,
        "user": user.pk,
        "profile": profile.code,
        "mask": profile.mask,
        "wanted": wanted,
        "shift": list(PEOPLE).index(who),
    }
    with connection.cursor() as cursor:
        # Evenly over the whole territory; each of the three has circles of her own.
        cursor.execute(
            """INSERT INTO circles_member (kind, profile, reader_mask, role, ground, reason, started_at, end_reason, circle_id, practice_role_id)
            SELECT 'practice_role', %(profile)s, %(mask)s, '', 'recognised', '', now() - interval '1 year', '', patient_id, %(role)s
            FROM (SELECT patient_id, row_number() OVER (ORDER BY patient_id) - 1 i, count(*) OVER () n FROM circles_circle WHERE canon_id IS NULL) c
            WHERE i %% greatest(n / %(wanted)s, 3) = %(shift)s AND i / greatest(n / %(wanted)s, 3) < %(wanted)s
              AND NOT EXISTS (SELECT 1 FROM circles_member WHERE practice_role_id = %(role)s)""",
            given_,
        )
        cursor.execute(
            "INSERT INTO notebook_readcursor (user_id, circle_id, read_seq, seen_at, visit_seq) SELECT %(user)s, circle_id, 0, now(), 0"
            " FROM circles_member WHERE practice_role_id = %(role)s ON CONFLICT DO NOTHING",
            given_,
        )
        cursor.execute(
            """SELECT m.circle_id::text, left(i.sort, 3), i.ins_value FROM circles_member m JOIN patients_patient p ON p.id = m.circle_id
            JOIN patients_identity i ON i.id = p.identity_id WHERE m.practice_role_id = %(role)s ORDER BY m.circle_id""",
            given_,
        )
        rows = cursor.fetchall()
    return {
        "login": login, "password": PASSWORD, "secret": SECRET, "user": str(user.pk), "role": str(role.pk),
        "circles": [r[0] for r in rows], "prefixes": [r[1].strip() for r in rows][:200], "ins": [r[2] for r in rows if r[2]][:200] or ["255069900100103"],
    }  # fmt: skip


def statements(who: dict) -> dict[str, list]:
    circles = who["circles"][:: max(len(who["circles"]) // READS, 1)][:READS]
    asked = {
        "search_name": [("post", "/patients/", {"q": p}, {"HTTP_HX_REQUEST": "true"}) for p in who["prefixes"][:READS]],
        "search_page": [("get", "/patients/", {"q": p}, {}) for p in who["prefixes"][:READS]],
        "search_ins": [("post", "/patients/", {"q": p}, {"HTTP_HX_REQUEST": "true"}) for p in who["ins"][:READS]],
        "patients": [("get", "/patients/", None, {})] * 5,
        "directory": [("get", "/annuaire/", {"q": p}, {}) for p in who["prefixes"][:10]],
        "file": [("get", f"/patients/{c}/", None, {}) for c in circles],
    }
    return taken(who["user"], asked)


def taken(user: str, asked: dict[str, list[tuple]]) -> dict[str, list]:
    """Each page's statements with their values, for many different values: what « the same in SQL » replays.

    `asked`: for each work, (method, path, data, headers) of its pages.
    """
    from django.db import connection
    from django.test import Client

    from cercle.people.accounts.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(pk=user), backend="cercle.people.accounts.backends.AccountBackend")
    kept: list = []

    def keep(execute, sql, params, many, context):
        kept.append((sql, params))
        return execute(sql, params, many, context)

    def take(method, path, data=None, **more):
        kept.clear()
        with connection.execute_wrapper(keep):
            answer = getattr(client, method)(path, data, **more)
        if answer.status_code != 200:
            raise SystemExit(f"bench: {path} answers {answer.status_code}")
        with connection.cursor() as cursor:
            return [cursor.mogrify(sql, params) for sql, params in kept]  # text with its values, as Django sends it

    out: dict[str, list] = {}
    reset(connection, user)
    for name, ask in asked.items():
        take(ask[0][0], ask[0][1], ask[0][2], **ask[0][3])
        reset(connection, user)
        out[name] = [take(m, p, d, **h) for m, p, d, h in ask]
    return out


def reset(connection, user: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RESET, {"user": user})


# One circle in three has something unread; all were seen yesterday, so that opening one writes, as on a morning.
RESET = """UPDATE notebook_readcursor c SET read_seq = CASE WHEN mod(hashtext(c.circle_id::text), 3) = 0 THEN greatest(k.note_seq - 3, 0) ELSE k.note_seq END,
  seen_at = now() - interval '1 day', visit_seq = 0 FROM circles_circlecounter k WHERE k.circle_id = c.circle_id AND c.user_id = %(user)s"""


def defer(writer: dict) -> tuple:
    """The statement that queues a note's job, as Procrastinate sends it; then nothing of that note is kept."""
    from django.db import connection, transaction
    from procrastinate.contrib.django import app

    from cercle.care.notebook import tasks

    kept: list = []

    def keep(execute, sql, params, many, context):
        kept.append((sql, params))
        return execute(sql, params, many, context)

    del app, writer
    with transaction.atomic():
        with connection.execute_wrapper(keep):
            tasks.tell.defer(note_id="00000000-0000-7000-8000-000000000000")
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        return [cursor.mogrify(sql, params) for sql, params in kept if "procrastinate" in sql]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
