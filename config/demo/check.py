"""What must hold in any Cercle database, however its rows came: the verbs keep it one act at a time, the bulk load at once.

broken() -> ["counters: 3 circles whose note_seq is not their number of notes", …]; empty when all is well.
"""

from django.db import connection

# name: (what is wrong, rows that are wrong)
RULES: dict[str, tuple[str, str]] = {
    "counters": (
        "cercles dont les compteurs ne disent pas leurs notes",
        """SELECT c.circle_id FROM circles_circlecounter c LEFT JOIN (
             SELECT circle_id, count(*) n, max(seq) last, coalesce(max(seq) FILTER (WHERE first_hidden = 0), 0) open,
               coalesce(max(seq) FILTER (WHERE first_hidden <> 0), 0) masked,
               coalesce(max(seq) FILTER (WHERE first_urgency = 2 AND first_hidden = 0), 0) urgent
             FROM (SELECT n.circle_id, n.seq, v.hidden first_hidden, v.urgency first_urgency FROM notebook_note n
                   JOIN notebook_noteversion v ON v.note_id = n.id AND v.number = 1) x GROUP BY circle_id) n USING (circle_id)
           WHERE (c.note_seq, c.open_seq, c.masked_seq, c.urgent_seq) IS DISTINCT FROM
             (coalesce(n.n, 0)::int, coalesce(n.open, 0), coalesce(n.masked, 0), coalesce(n.urgent, 0)) OR coalesce(n.n, 0) <> coalesce(n.last, 0)""",
    ),
    "circle": (
        "patients sans cercle, sans compteur ou sans identité courante",
        """SELECT p.id FROM patients_patient p LEFT JOIN circles_circle c ON c.patient_id = p.id
             LEFT JOIN circles_circlecounter k ON k.circle_id = p.id LEFT JOIN patients_identity i ON i.id = p.identity_id
               AND i.patient_id = p.id AND i.superseded_at IS NULL
           WHERE c.patient_id IS NULL OR k.circle_id IS NULL OR i.id IS NULL""",
    ),
    "lead": (
        "cercles sans responsable présent",
        """SELECT c.patient_id FROM circles_circle c LEFT JOIN circles_member m ON m.id = c.lead_id AND m.circle_id = c.patient_id
             AND m.ended_at IS NULL WHERE m.id IS NULL""",
    ),
    "versions": (
        "notes dont la dernière version n’est pas l’état",
        """SELECT n.id FROM notebook_note n LEFT JOIN notebook_noteversion v ON v.note_id = n.id AND v.number = n.version
           WHERE v.id IS NULL OR (v.state, v.type, v.urgency, v.text, v.measures)
             IS DISTINCT FROM (n.state, n.type, n.urgency, n.text, n.measures)
             OR (SELECT count(*) FROM notebook_noteversion w WHERE w.note_id = n.id) <> n.version""",
    ),
    "threads": (
        "réponses plus ouvertes que leur note, d’un autre cercle, ou sans l’auteur du fil",
        """SELECT n.id FROM notebook_note n JOIN notebook_note r ON r.id = n.reply_to_id
           WHERE n.circle_id <> r.circle_id OR n.category <> r.category OR (n.hidden & r.hidden) <> r.hidden
             OR n.thread_user IS DISTINCT FROM r.author_user_id OR r.reply_to_id IS NOT NULL OR n.seq <= r.seq""",
    ),
    "measures": (
        "notes dont les mesures ne sont pas en lignes",
        """SELECT n.id FROM notebook_note n LEFT JOIN LATERAL (
             SELECT count(*) FILTER (WHERE is_current) n FROM notebook_measure m WHERE m.note_id = n.id AND m.circle_id = n.circle_id) m ON true
           WHERE n.state = 'current' AND jsonb_array_length(n.measures) <> m.n OR n.state = 'withdrawn' AND m.n <> 0""",
    ),
    "files": (
        "notes dont le nombre de fichiers est faux",
        """SELECT n.id FROM notebook_note n WHERE n.attachments <> (SELECT count(*) FROM documents_document d
             WHERE d.holder_id = n.id AND d.circle_id = n.circle_id AND d.category = n.category AND d.hidden = n.hidden)""",
    ),
    "authors": (
        "notes d’un auteur qui n’est pas du cercle",
        """SELECT n.id FROM notebook_note n WHERE n.author_role_id IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM circles_member m WHERE m.circle_id = n.circle_id AND (m.practice_role_id = n.author_role_id
               OR m.team_id IN (SELECT team_id FROM directory_teammember t WHERE t.practice_role_id = n.author_role_id)))""",
    ),
    "cursors": (
        "curseurs de lecture au-delà du cahier",
        """SELECT r.user_id FROM notebook_readcursor r JOIN circles_circlecounter k ON k.circle_id = r.circle_id
           WHERE r.read_seq > k.note_seq OR r.seen_at > now() + interval '1 minute'""",
    ),
    "dates": (
        "notes du futur, ou dans le désordre",
        """SELECT id FROM (SELECT id, written_at, lag(written_at) OVER (PARTITION BY circle_id ORDER BY seq) before FROM notebook_note) n
           WHERE written_at > now() + interval '1 minute' OR (written_at < before)""",
    ),
    "keys": (
        "patients introuvables par le rapprochement",
        """SELECT p.id FROM patients_patient p WHERE NOT EXISTS (SELECT 1 FROM patients_matchkey k WHERE k.patient_id = p.id)""",
    ),
    "test_ins": (
        "INS de test ou de démonstration sur une fiche qui n’est pas de test",
        """SELECT i.id FROM patients_identity i JOIN patients_patient p ON p.id = i.patient_id
           WHERE i.ins_oid IN ('1.2.250.1.213.1.4.10', '1.2.250.1.213.1.4.11') AND NOT p.is_test""",
    ),
}  # fmt: skip


def broken(*, but: tuple[str, ...] = ()) -> list[str]:
    """One line a rule that does not hold, with the number of its rows."""
    found = []
    with connection.cursor() as cursor:
        for name, (what, sql) in RULES.items():
            if name in but:
                continue
            cursor.execute(f"SELECT count(*) FROM ({sql}) wrong")
            if count := cursor.fetchone()[0]:
                found.append(f"{name} : {count} {what}")
    return found


def missing_keys() -> int:
    """Patients whose stored match keys are not those of their current traits; slow, for tests."""
    from cercle.people.patients.duplicates import _TRAITS
    from cercle.people.patients.matching import Traits, keys

    with connection.cursor() as cursor:
        cursor.execute(_TRAITS.replace("coalesce(p.merged_into_id, p.id)", "p.id"))
        wanted = {row[0]: set(keys(Traits(*row[1:]))) for row in cursor.fetchall()}
        cursor.execute("SELECT patient_id, array_agg(key) FROM patients_matchkey GROUP BY patient_id")
        kept = {pk: set(found) for pk, found in cursor.fetchall()}
    return sum(wanted[pk] != kept.get(pk, set()) for pk in wanted)
