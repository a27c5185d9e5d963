"""The same work straight in SQL on the same database: the pages' own statements replayed, and a note's rows by pgbench."""

import re
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from .client import Load


def replay(url: str, pages: list[list], *, connections: int, seconds: float) -> Load:
    """Each page's statements, one after the other; one time a page. A thread a connection: libpq waits outside the GIL."""
    load, lock = Load(), threading.Lock()
    started = time.perf_counter()

    def one(shift: int) -> None:
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.prepare_threshold = None
            cursor, n = connection.cursor(), shift
            while time.perf_counter() - started < seconds:
                before = time.perf_counter()
                for text in pages[n % len(pages)]:
                    cursor.execute(text)
                    if cursor.description:
                        cursor.fetchall()
                spent = time.perf_counter() - before
                n += connections
                with lock:
                    load.times.append(spent)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.elapsed = time.perf_counter() - started
    return load


NOTE = """BEGIN;
UPDATE circles_circlecounter SET note_seq = note_seq + 1, open_seq = note_seq + 1 WHERE circle_id = '{circle}' RETURNING note_seq \\gset
INSERT INTO notebook_note (seq, type, urgency, category, hidden, text, author_name, author_label, entered_as, source, written_at, version, state, measures, attachments, asks_receipt, author_role_id, author_user_id, circle_id) VALUES (:note_seq, 'OBS', 0, 'nursing', 0, '{text}', 'Writer Banc', 'Infirmière', '', 'pgbench', now(), 1, 'current', '[]', 0, false, '{role}', '{user}', '{circle}') RETURNING id AS note_id \\gset
INSERT INTO notebook_noteversion (note_id, number, state, type, urgency, category, hidden, text, measures, reason, by_user_id, by_name) VALUES (:note_id, 1, 'current', 'OBS', 0, 'nursing', 0, '{text}', '[]', '', '{user}', 'Writer Banc');
UPDATE notebook_readcursor SET read_seq = :note_seq WHERE user_id = '{user}' AND circle_id = '{circle}' AND read_seq = :note_seq - 1;
UPDATE patients_patient SET last_contact_at = now() WHERE id = '{circle}';
INSERT INTO audit_event (actor_user_id, practice_role_id, actor_name, actor_role, ground, source, action, kind, circle_id, target_type, target_id, shown, hidden, opening, reason, details, outcome) VALUES ('{user}', '{role}', 'Writer Banc', 'Infirmière', 'member', 'pgbench', 'notebook.note_added', 'create', '{circle}', 'notebook.note', :note_id, '{{}}', 0, NULL, '', '{{"type": "OBS", "urgency": 0}}', 'ok');
{defer}
SELECT pg_notify('cercle', 'circle:{circle}');
COMMIT;
"""
TEXT = (
    "Passage du matin. Pansement du talon refait, plaie propre, pas de douleur au repos. Appétit revenu, a bien bu. "
    "Tension correcte. La fille passe ce soir, elle demande si le kiné vient jeudi."
)


def write_scripts(folder: Path, writer: dict, defer: list[str]) -> list[Path]:
    """One script a circle, with its values written in: no look-up that the product would not do. Jobs go to a queue
    that nobody works."""
    folder.mkdir(parents=True, exist_ok=True)
    queue = "\n".join(_one_line(text).rstrip(";") + ";" for text in defer)
    made = []
    for n, circle in enumerate(writer["circles"][1::2][:100]):
        script = NOTE.format(circle=circle, role=writer["role"], user=writer["user"], text=TEXT, defer=queue)
        made.append(folder / f"note-{n}.sql")
        made[-1].write_text(script)
    return made


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("(notify,", "(bench,")


def pgbench(binaries: Path, url: str, scripts: list[Path], *, connections: int, seconds: int) -> float:
    """Notes per second."""
    parts = urlsplit(url)
    env = {
        "PGUSER": unquote(parts.username or ""), "PGPASSWORD": unquote(parts.password or ""), "PGDATABASE": parts.path.lstrip("/"),
        "PGHOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0], "PGPORT": str(parts.port or 5432), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    command = [
        str(binaries / "pgbench"),
        "-n",
        "-M",
        "prepared",
        "-c",
        str(connections),
        "-j",
        "1",
        "-T",
        str(max(int(seconds), 1)),
    ]
    for script in scripts:
        command += ["-f", str(script)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found:
        raise SystemExit(f"bench: pgbench said {done.stderr.strip().splitlines()[:2]}")
    return float(found[1])


def tidy(superuser: str, writer: str) -> None:
    """Take back the notes that the bench wrote, so that a dataset serves again; its traces stay, as they must."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "CREATE TEMP TABLE ours AS SELECT id, circle_id FROM notebook_note WHERE author_user_id = %s", [writer]
        )
        for table, column in (
            ("notebook_noteversion", "note_id"), ("notebook_receipt", "note_id"), ("notebook_noterecipient", "note_id"),
            ("notifications_notification", "target_id"), ("notebook_note", "id"),
        ):  # fmt: skip
            connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM ours)")
        connection.execute(
            """UPDATE circles_circlecounter k SET note_seq = s.top, open_seq = least(open_seq, s.top), urgent_seq = least(urgent_seq, s.top),
            masked_seq = least(masked_seq, s.top) FROM (SELECT c.circle_id, coalesce((SELECT max(seq) FROM notebook_note n
              WHERE n.circle_id = c.circle_id), 0) top FROM (SELECT DISTINCT circle_id FROM ours) c) s WHERE s.circle_id = k.circle_id"""
        )
        connection.execute(
            "UPDATE notebook_readcursor c SET read_seq = least(read_seq, k.note_seq), visit_seq = least(visit_seq, k.note_seq)"
            " FROM circles_circlecounter k WHERE k.circle_id = c.circle_id AND c.circle_id IN (SELECT circle_id FROM ours)"
        )
        connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'bench'")
        connection.execute(
            "VACUUM notebook_note, notebook_noteversion, notebook_readcursor, circles_circlecounter, procrastinate_jobs"
        )
