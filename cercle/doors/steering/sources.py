"""The rows that indicators read, as they were known at an instant.

`known(table)` gives a table's rows as recorded before `%(known)s`: the current row, or, when it has changed since, the state
it had then, kept by a trigger (`Superseded`, migrations/0002). Rows that are only ever added are filtered by their date.
Facts dated after that instant were not known yet, whatever the row says now.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

# Tables whose rows change, and the columns that figures need: nothing that was written about anyone.
KEPT = {
    "coordination_coordinationfile": (
        "id recorded_at patient_id organization_id team_id level referent_id opened_at closed_at entry_reason exit_reason"
        " state family_situation"
    ),
    "coordination_followupsheet": "id recorded_at file_id organization_id act at minutes topic author_role_id state",
    "coordination_careplan": "id recorded_at circle_id organization_id state number review_on opened_at closed_at",
    "coordination_meeting": "id recorded_at circle_id organization_id starts_at minutes state",
    "questionnaires_response": "id recorded_at circle_id status scores finished_at",
    "orientation_orientationrequest": (
        "id recorded_at organization_id team_id assigned_role_id patient_id channel kind level reason urgency outcome"
        " asker_kind commune_code received_at first_contact_at answered_at closed_at state"
    ),
}  # fmt: skip


def exists(source: str) -> bool:
    """Its table is there: an app may not be installed."""
    table = {"requests": "orientation_orientationrequest"}.get(source, "coordination_coordinationfile")
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return cursor.fetchone()[0]


def known(table: str, live: bool) -> str:
    if live:
        return table
    columns = ", ".join(f"t.{c}" for c in KEPT[table].split())
    return f"""(
      SELECT {columns} FROM {table} t WHERE t.recorded_at < %(known)s
        AND NOT EXISTS (SELECT 1 FROM past_{table} c WHERE c.row_id = t.id)
      UNION ALL
      SELECT {columns} FROM past_{table} c, LATERAL jsonb_populate_record(NULL::{table}, c.data) t
    )"""


def changed(sql: str, *, of_structures: bool) -> str:
    """« WITH … » of the rows that `known` reads in this statement: those that have changed since, as they were then.

    In front of the whole statement: inside, they would keep the narrow indexes (migrations/0004) from being read.
    """
    own = "AND (s.organization_id = ANY(%(organizations)s) OR s.organization_id IS NULL)" if of_structures else ""
    parts = [
        f"""past_{table} AS MATERIALIZED (
          SELECT DISTINCT ON (s.row_id) s.row_id, s.data FROM steering_superseded s
          WHERE s.source = '{table}' AND s.superseded_at >= %(known)s AND s.recorded_at < %(known)s {own}
          ORDER BY s.row_id, s.superseded_at, s.id)"""
        for table in KEPT
        if f"past_{table} " in sql
    ]
    return f"WITH {', '.join(parts)}" if parts else ""


def _past(column: str, table: str = "t") -> str:
    """Beside it the column as it is, which an index may serve: `moment` asks for it with the day known as its end."""
    raw = f"{table}.{column}"
    return f"CASE WHEN {raw} < %(known)s THEN {raw} END AS {column}, {raw} AS raw_{column}"


def moment(source: str, column: str) -> str:
    """What dates a fact: `column` of an indicator, for conditions that say « before the end, and before the day known »."""
    return column.replace("x.", "x.raw_") if f" AS raw_{column[2:]}" in SOURCES[source](True) else column


def requests(live: bool) -> str:
    return f"""SELECT t.id, t.organization_id, t.team_id, t.assigned_role_id, t.patient_id, t.channel, t.kind, t.level, t.reason,
      t.urgency, t.outcome, t.asker_kind, t.commune_code, t.received_at, {_past("first_contact_at")}, {_past("answered_at")},
      {_past("closed_at")} FROM {known("orientation_orientationrequest", live)} t
      WHERE t.recorded_at < %(known)s AND t.received_at < %(known)s"""


def files(live: bool) -> str:
    return f"""SELECT t.id, t.organization_id, t.team_id, t.patient_id, t.level, t.referent_id, t.opened_at, t.entry_reason,
      CASE WHEN t.closed_at < %(known)s THEN t.exit_reason END AS exit_reason, t.family_situation, {_past("closed_at")}
      FROM {known("coordination_coordinationfile", live)} t WHERE t.recorded_at < %(known)s AND t.opened_at < %(known)s"""


def sheets(live: bool) -> str:
    return f"""SELECT t.id, t.file_id, t.organization_id, t.act, t.at, t.minutes, t.topic, t.author_role_id
      FROM {known("coordination_followupsheet", live)} t
      WHERE t.state = 'current' AND t.recorded_at < %(known)s AND t.at < %(known)s"""


def plans(live: bool) -> str:
    return f"""SELECT t.id, t.circle_id AS patient_id, t.organization_id, t.number, t.review_on, t.opened_at, {_past("closed_at")}
      FROM {known("coordination_careplan", live)} t WHERE t.recorded_at < %(known)s AND t.opened_at < %(known)s"""


def plan_events(live: bool) -> str:
    return """SELECT t.id, p.id AS plan_id, p.circle_id AS patient_id, p.organization_id, t.kind, t.from_state, t.to_state, t.at
      FROM coordination_planevent t JOIN coordination_careplan p ON p.id = t.plan_id
      WHERE t.recorded_at < %(known)s AND t.at < %(known)s"""


def goal_events(live: bool) -> str:
    return """SELECT t.id, g.id AS goal_id, g.category, g.problem_id, p.circle_id AS patient_id, p.organization_id,
      t.from_state, t.to_state, t.at FROM coordination_goalevent t JOIN coordination_goal g ON g.id = t.goal_id
      JOIN coordination_careplan p ON p.id = g.plan_id WHERE t.recorded_at < %(known)s AND t.at < %(known)s"""


def meetings(live: bool) -> str:
    return f"""SELECT t.id, t.circle_id AS patient_id, t.organization_id, t.starts_at, t.minutes
      FROM {known("coordination_meeting", live)} t
      WHERE t.state = 'held' AND t.recorded_at < %(known)s AND t.starts_at < %(known)s"""


def connected(live: bool) -> str:
    """Open situations of exercise in the circles of the people followed, of professionals who have an account."""
    return f"""SELECT r.practitioner_id AS id, m.circle_id AS patient_id, f.organization_id, f.team_id, f.level, m.started_at AS opened_at,
      NULL::timestamptz AS closed_at, r.profession_system || ':' || r.profession AS profession
      FROM circles_member m JOIN ({files(live)}) f ON f.patient_id = m.circle_id AND f.opened_at < %(end)s
        AND (f.closed_at IS NULL OR f.closed_at >= %(end)s)
      JOIN directory_practicerole r ON r.id = m.practice_role_id
      JOIN accounts_user u ON u.practitioner_id = r.practitioner_id AND u.date_joined < least(%(end)s, %(known)s)
      WHERE m.recorded_at < %(known)s AND m.started_at < %(end)s
        AND (m.ended_at IS NULL OR m.ended_at >= least(%(end)s, %(known)s))"""


SOURCES = {
    "requests": requests,
    "files": files,
    "sheets": sheets,
    "plans": plans,
    "plan_events": plan_events,
    "goal_events": goal_events,
    "meetings": meetings,
    "connected": connected,
}


@dataclass(frozen=True, slots=True)
class Dimension:
    label: Any
    sql: str
    joins: tuple[str, ...] = ()
    # What a value is called: "enum:<dotted path>", "team", "role", "commune", "organization", "profession" or "" (as it is).
    words: str = ""


PERSON = """LEFT JOIN patients_identity i ON i.patient_id = x.patient_id AND i.decided_at < %(known)s
  AND (i.superseded_at IS NULL OR i.superseded_at >= %(known)s)"""
HOME = """LEFT JOIN patients_coordinates home ON home.patient_id = x.patient_id AND home.decided_at < %(known)s
  AND (home.superseded_at IS NULL OR home.superseded_at >= %(known)s)"""
FILE = "JOIN ({files}) file ON file.id = x.file_id"
# The living file of the same structure about the same person: the team and level of a plan or a meeting.
HELD = """LEFT JOIN LATERAL (SELECT h.team_id, h.level FROM ({files}) h WHERE h.patient_id = x.patient_id
  AND h.organization_id = x.organization_id ORDER BY h.opened_at DESC, h.id DESC LIMIT 1) held ON true"""
GIR = """LEFT JOIN LATERAL (SELECT g.scores ->> 'gir' AS gir FROM {responses} g WHERE g.circle_id = x.patient_id
  AND g.status <> 'in-progress' AND g.recorded_at < %(known)s AND g.finished_at < least(%(end)s, %(known)s) AND g.scores ? 'gir'
  ORDER BY g.finished_at DESC, g.id DESC LIMIT 1) gir ON true"""
AGE = """CASE WHEN i.birth_earliest IS NULL THEN NULL
  ELSE (SELECT CASE WHEN a < 60 THEN '0-59' WHEN a < 75 THEN '60-74' WHEN a < 85 THEN '75-84' ELSE '85+' END
  FROM (SELECT extract(year FROM age((%(end)s AT TIME ZONE %(zone)s)::date - 1, i.birth_earliest)) AS a) years) END"""
# In the order in which they may follow each other.
JOINS = {
    "file": FILE,
    "held": HELD,
    "person": PERSON,
    "home": HOME,
    "sheet_home": HOME.replace("x.patient_id", "file.patient_id"),
    "gir": GIR,
}

_C = "cercle.care.coordination.vocabulary."
DIMENSIONS = {
    "level": Dimension(_("Niveau"), "x.level", words="level"),
    "team": Dimension(_("Équipe"), "x.team_id", words="team"),
    "organization": Dimension(_("Structure"), "x.organization_id", words="organization"),
    "asker_kind": Dimension(_("Origine"), "x.asker_kind", words="asker_kind"),
    "channel": Dimension(_("Canal"), "x.channel", words="channel"),
    "reason": Dimension(_("Motif"), "x.reason", words="reason"),
    "urgency": Dimension(_("Urgence"), "x.urgency", words="urgency"),
    "outcome": Dimension(_("Suite donnée"), "x.outcome", words="outcome"),
    "commune": Dimension(_("Commune"), "x.commune_code", words="commune"),
    "home": Dimension(_("Commune"), "nullif(home.commune_code, '')", ("home",), words="commune"),
    "entry_reason": Dimension(_("Motif d’entrée"), "x.entry_reason", words=_C + "EntryReason"),
    "exit_reason": Dimension(_("Motif de sortie"), "x.exit_reason", words=_C + "ExitReason"),
    "referent": Dimension(_("Référent"), "x.referent_id", words="role"),
    "act": Dimension(_("Type d’acte"), "x.act", words=_C + "Act"),
    "topic": Dimension(_("Sujet"), "x.topic", words=_C + "Topic"),
    "author": Dimension(_("Auteur"), "x.author_role_id", words="role"),
    "sex": Dimension(_("Sexe"), "i.sex", ("person",), words="sex"),
    "age": Dimension(_("Âge"), AGE, ("person",), words="age"),
    "gir": Dimension(_("GIR estimé"), "gir.gir", ("gir",), words="gir"),
    "alone": Dimension(_("Vit seul(e)"), "CASE x.family_situation WHEN '' THEN NULL WHEN 'alone' THEN 'yes' ELSE 'no' END", words="yes"),
    "profession": Dimension(_("Profession"), "x.profession", words="profession"),
    "category": Dimension(_("Domaine"), "x.category", words="category"),
    "file_level": Dimension(_("Niveau"), "file.level", ("file",), words="level"),
    "file_team": Dimension(_("Équipe"), "file.team_id", ("file",), words="team"),
    "sheet_home": Dimension(_("Commune"), "nullif(home.commune_code, '')", ("file", "sheet_home"), words="commune"),
    "held_level": Dimension(_("Niveau"), "held.level", ("held",), words="level"),
    "held_team": Dimension(_("Équipe"), "held.team_id", ("held",), words="team"),
}  # fmt: skip


def typed(by: str, text: str) -> Any:
    """A part as rows say it, from what an address or a frozen month says."""
    words = DIMENSIONS[by].words
    try:
        return (
            UUID(text)
            if words in ("team", "role", "organization")
            else int(text)
            if words in ("level", "urgency")
            else text or None
        )
    except ValueError:
        return None


# How each source is narrowed to a team, a level, a commune: a dimension's SQL and join.
NARROW = {
    "requests": {"team": "team", "level": "level", "commune": "commune"},
    "files": {"team": "team", "level": "level", "commune": "home"},
    "connected": {"team": "team", "level": "level", "commune": "home"},
    "sheets": {"team": "file_team", "level": "file_level", "commune": "sheet_home"},
    "plans": {"team": "held_team", "level": "held_level", "commune": "home"},
    "plan_events": {"team": "held_team", "level": "held_level", "commune": "home"},
    "goal_events": {"team": "held_team", "level": "held_level", "commune": "home"},
    "meetings": {"team": "held_team", "level": "held_level", "commune": "home"},
}
