"""Lists across circles: « Mes patients », search, counters. All start from one membership query, in SQL because it must be
fast for a desk of 2,000 circles (datamodel.md section 3); the rule is the one of circles/access.py, and a property test holds
them together.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from cercle.base.common.prepared import prepared
from cercle.base.common.text import name_key
from cercle.people.circles import rights
from cercle.people.circles.access import Viewer
from cercle.people.circles.vocabulary import Category
from cercle.people.directory import nomenclature
from cercle.people.patients.names import title

# One open membership per circle: the person’s own first, then her team’s, then as a relative. Whole oppositions end it.
# Circles are looked up one by one (OFFSET 0): the planner, not knowing how few teams one has, would read them all.
MINE = """
memberships AS (
  SELECT circle_id, profile, reader_mask, 0 AS rank FROM circles_member
    WHERE practice_role_id = %(role)s AND ended_at IS NULL AND started_at <= statement_timestamp() AND (until IS NULL OR until > statement_timestamp())
  UNION ALL
  SELECT m.circle_id, m.profile, m.reader_mask, 1 FROM circles_member m
    WHERE m.team_id = ANY(ARRAY(SELECT x.team_id FROM directory_teammember x JOIN directory_team t ON t.id = x.team_id
        WHERE x.practice_role_id = %(role)s AND x.ended_at IS NULL AND t.closed_at IS NULL))
      AND m.ended_at IS NULL AND m.started_at <= statement_timestamp() AND (m.until IS NULL OR m.until > statement_timestamp())
  UNION ALL
  SELECT circle_id, profile, reader_mask, 2 FROM circles_member
    WHERE user_id = %(user)s AND kind IN ('relative', 'patient') AND ended_at IS NULL AND started_at <= statement_timestamp()
      AND (until IS NULL OR until > statement_timestamp())
),
mine AS (
  SELECT DISTINCT ON (m.circle_id) m.circle_id, m.profile, m.reader_mask, c.has_oppositions, c.has_absorbed, c.root
  FROM memberships m CROSS JOIN LATERAL (SELECT c.has_oppositions, c.has_absorbed, c.crossed_at, coalesce(c.canon_id, c.patient_id) AS root
    FROM circles_circle c WHERE c.patient_id = m.circle_id OFFSET 0) c
  WHERE c.crossed_at IS NULL AND NOT (c.has_oppositions AND EXISTS (
    SELECT 1 FROM circles_opposition o WHERE o.circle_id IN (SELECT f.patient_id FROM circles_circle f
      WHERE c.root IN (f.patient_id, f.canon_id)) AND o.lifted_at IS NULL AND o.category = '' AND o.target_id IS NULL AND {me}))
  ORDER BY m.circle_id, m.rank
)
"""
ME = (
    "(o.user_id = %(user)s OR o.practitioner_id = %(practitioner)s OR o.organization_id = %(organization)s"
    " OR (o.profession <> '' AND o.profession = %(profession)s))"
)
# May `mine` see the note `n`? Same words as `visible_rows` and NoteQuerySet.visible_to.
SEES = """
 ((n.author_user_id = %(user)s OR n.thread_user = %(user)s
   OR ((n.hidden & m.reader_mask) = 0 AND n.category = ANY(r.readable)
       AND NOT (m.has_oppositions AND EXISTS (SELECT 1 FROM circles_opposition o WHERE o.circle_id IN ({files}) AND o.lifted_at IS NULL
         AND o.category = n.category AND o.target_id IS NULL AND {me}))))
  AND NOT (m.has_oppositions AND EXISTS (SELECT 1 FROM circles_opposition o WHERE o.circle_id IN ({files}) AND o.lifted_at IS NULL
    AND o.target_id IN (n.id, n.reply_to_id) AND {me})))
"""
# What the person refused in one of her files, brought together, holds in all.
FILES = "SELECT f.patient_id FROM circles_circle f WHERE m.root IN (f.patient_id, f.canon_id)"
MINE, SEES = MINE.replace("{me}", ME), SEES.replace("{me}", ME).replace("{files}", FILES)


# Notes of the other files of one person, brought together and reviewed (`Acting.circles`). Their numbers are their own: how far one
# has read them is a cursor on that file. Most circles have none, and pay one flag for it.
ABSORBED = """circles_circle f JOIN notebook_note n ON n.circle_id = f.patient_id
  LEFT JOIN notebook_readcursor a ON a.circle_id = f.patient_id AND a.user_id = %(user)s"""
UNSEEN = """f.canon_id = m.circle_id AND f.crossed_at IS NOT NULL AND n.seq > coalesce(a.read_seq, 0)
  AND n.author_user_id IS DISTINCT FROM %(user)s"""
STAYS = """(SELECT s.* FROM stays_stay s WHERE s.circle_id = m.circle_id AND s.ended_at IS NULL AND s.cancelled_at IS NULL
  UNION ALL SELECT s.* FROM circles_circle f JOIN stays_stay s ON s.circle_id = f.patient_id
    WHERE m.has_absorbed AND f.canon_id = m.circle_id AND f.crossed_at IS NOT NULL AND s.ended_at IS NULL AND s.cancelled_at IS NULL) s"""


def params(viewer: Viewer) -> dict:
    matrix = rights.current()
    everything = set(Category.values)
    codes = list(matrix.profiles)
    return {
        "role": viewer.practice_role_id, "user": viewer.user_id, "practitioner": viewer.practitioner_id,
        "organization": viewer.organization_id, "profession": viewer.profession or "-",
        "profiles": codes,
        "readables": ["{" + ",".join(sorted(matrix.profiles[c].readable)) + "}" for c in codes],
        "full": [matrix.profiles[c].readable >= everything for c in codes],
    }  # fmt: skip


RIGHTS = """
rights AS (SELECT p.profile, p.readable::text[] AS readable, p.full_reader
  FROM unnest(%(profiles)s::text[], %(readables)s::text[], %(full)s::bool[]) AS p(profile, readable, full_reader))
"""


@dataclass(slots=True)
class Mark:
    """One circle of mine and its marks."""

    circle_id: UUID
    unread: bool
    urgent: bool
    hospitalised: bool
    sort: str
    last_seq: int


# `open_seq` tells a full reader at once; whoever does not see everything is probed, so that a masked note lights nothing.
MARKS = f"""
WITH {MINE}, {RIGHTS}
SELECT m.circle_id,
  CASE WHEN r.full_reader AND NOT m.has_oppositions AND k.open_seq > coalesce(c.read_seq, 0) THEN true
       WHEN greatest(k.masked_seq, CASE WHEN r.full_reader AND NOT m.has_oppositions THEN 0 ELSE k.note_seq END) > coalesce(c.read_seq, 0)
         THEN EXISTS (SELECT 1 FROM notebook_note n WHERE n.circle_id = m.circle_id AND n.seq > coalesce(c.read_seq, 0)
                      AND n.author_user_id IS DISTINCT FROM %(user)s AND {SEES})
       ELSE false END OR CASE WHEN m.has_absorbed THEN EXISTS (SELECT 1 FROM {ABSORBED} WHERE {UNSEEN} AND {SEES}) ELSE false END AS unread,
  CASE WHEN greatest(k.urgent_seq, k.masked_seq) > coalesce(c.read_seq, 0)
         THEN EXISTS (SELECT 1 FROM notebook_note n WHERE n.circle_id = m.circle_id AND n.seq > coalesce(c.read_seq, 0) AND n.urgency = 2
                      AND n.author_user_id IS DISTINCT FROM %(user)s AND {SEES})
       ELSE false END OR CASE WHEN m.has_absorbed THEN EXISTS (SELECT 1 FROM {ABSORBED} WHERE {UNSEEN} AND n.urgency = 2 AND {SEES})
       ELSE false END AS urgent,
  (s.id IS NOT NULL AND r.readable && ARRAY['appointments', 'medical', 'nursing', 'social']) AS hospitalised, i.sort, k.note_seq
FROM mine m JOIN rights r ON r.profile = m.profile JOIN circles_circlecounter k ON k.circle_id = m.circle_id
  LEFT JOIN (SELECT circle_id, read_seq FROM notebook_readcursor WHERE user_id = %(user)s OFFSET 0) c ON c.circle_id = m.circle_id
  JOIN patients_identity i ON i.patient_id = m.circle_id AND i.superseded_at IS NULL
  LEFT JOIN LATERAL (SELECT s.id FROM {STAYS} LIMIT 1) s ON true
"""


def marks(viewer: Viewer, *, among: list[UUID] | None = None) -> list[Mark]:
    """All my circles with their marks, or those of `among` only; one statement, whatever their number."""
    given = params(viewer) | {"among": among}
    with prepared() as cursor:
        cursor.execute(MARKS if among is None else f"{MARKS} WHERE m.circle_id = ANY(%(among)s)", given)
        return [Mark(*row) for row in cursor.fetchall()]


ORDER = "(NOT (unread OR urgent)), (NOT urgent), (NOT hospitalised), sort"
ONLY = {"": "true", "unread": "unread", "urgent": "urgent", "hospitalised": "hospitalised"}
COUNTS = """SELECT count(*) AS every, count(*) FILTER (WHERE unread) AS unread, count(*) FILTER (WHERE urgent) AS urgent,
  count(*) FILTER (WHERE hospitalised) AS hospitalised, count(*) FILTER (WHERE {chosen}) AS found,
  count(*) FILTER (WHERE {chosen} AND (unread OR urgent)) AS first,
  count(*) FILTER (WHERE {chosen} AND hospitalised AND NOT (unread OR urgent)) AS stays,
  count(*) FILTER (WHERE {chosen} AND NOT (hospitalised OR unread OR urgent)) AS rest FROM m"""


@dataclass(slots=True)
class Ranked:
    """One page of the list and what its headings count."""

    counts: dict[
        str, int
    ]  # every, unread, urgent, hospitalised, over all my circles; found, first, stays, rest, of the chosen ones
    marks: list[Mark]  # the first of them in order: to read (urgent, then others), hospitalised, by name


def ranked(viewer: Viewer, *, only: str = "", within: list[UUID] | None = None, limit: int) -> Ranked:
    """My circles in order, counted and cut by the database: a desk has 2,000 and shows fifty.

    `only`: unread, urgent, hospitalised or "". `within`: those a search found.
    """
    chosen = ONLY[only] + ("" if within is None else " AND circle_id = ANY(%(within)s)")
    with prepared() as cursor:
        cursor.execute(
            f"WITH m AS MATERIALIZED ({MARKS}), c AS ({COUNTS.format(chosen=chosen)}) SELECT c.*, p.* FROM c LEFT JOIN LATERAL"
            f" (SELECT * FROM m WHERE {chosen} ORDER BY {ORDER} LIMIT %(limit)s) p ON true",
            params(viewer) | {"within": within, "limit": limit},
        )
        rows = cursor.fetchall()
    names = ("every", "unread", "urgent", "hospitalised", "found", "first", "stays", "rest")
    width = len(names)
    found = [Mark(*row[width:]) for row in rows if row[width] is not None]
    return Ranked(dict(zip(names, rows[0][:width], strict=True)), found)


def ranked_among(viewer: Viewer, *, among: list[UUID], only: str = "") -> Ranked:
    """The same over `among` alone, in memory: what a search found is short."""
    found = [m for m in marks(viewer, among=among) if not only or getattr(m, only)]
    found.sort(key=lambda m: (not (m.unread or m.urgent), not m.urgent, not m.hospitalised, m.sort))
    first = sum(m.unread or m.urgent for m in found)
    stays = sum(m.hospitalised and not (m.unread or m.urgent) for m in found)
    total = len(found)
    unread, urgent, ill = (sum(getattr(m, k) for m in found) for k in ("unread", "urgent", "hospitalised"))
    counts = {
        "every": total,
        "unread": unread,
        "urgent": urgent,
        "hospitalised": ill,
        "found": total,
        "first": first,
        "stays": stays,
    }
    return Ranked(counts | {"rest": total - first - stays}, found)


@dataclass(slots=True)
class Line:
    """One patient of the list, ready to show."""

    circle_id: UUID
    given: str
    family: str
    birth_family: str
    sex: str
    birth_date: str
    born: date
    deceased: str
    commune: str
    unread: int
    urgency: int
    hospitalised: bool
    stay_label: str
    stay_kind: str
    stay_since: datetime | None
    last_at: datetime | None
    last_author: str
    last_text: str
    last_mine: bool
    last_tint: str = "proche"

    @property
    def initials(self) -> str:
        return (self.given[:1] + self.family[:1]).upper()

    @property
    def feminine(self) -> bool:
        return self.sex == "F"


LAST = "n.written_at, n.author_name, left(n.text, 240) AS text, n.author_user_id, n.author_role_id"
DETAIL = f"""
WITH {MINE}, {RIGHTS}
SELECT m.circle_id, coalesce(nullif(i.used_given, ''), i.birth_given), coalesce(nullif(i.used_family, ''), i.birth_family), i.birth_family,
  i.sex, i.birth_date, i.birth_earliest, p.deceased, coalesce(a.commune_label, ''), coalesce(u.n, 0), coalesce(u.urgency, 0),
  s.id IS NOT NULL, coalesce(s.label, ''), coalesce(s.kind, ''), s.started_at, l.written_at, coalesce(l.author_name, ''), coalesce(l.text, ''),
  coalesce(l.author_user_id = %(user)s, false), l.profession_system, l.profession, l.function
FROM mine m JOIN rights r ON r.profile = m.profile
  JOIN patients_patient p ON p.id = m.circle_id JOIN patients_identity i ON i.id = p.identity_id
  LEFT JOIN patients_coordinates a ON a.patient_id = p.id AND a.superseded_at IS NULL
  LEFT JOIN notebook_readcursor c ON c.circle_id = m.circle_id AND c.user_id = %(user)s
  LEFT JOIN LATERAL (SELECT sum(x.n)::int n, max(x.urgency) urgency FROM (
     SELECT count(*) n, max(n.urgency) urgency FROM notebook_note n WHERE n.circle_id = m.circle_id
       AND n.seq > coalesce(c.read_seq, 0) AND n.author_user_id IS DISTINCT FROM %(user)s AND n.state = 'current' AND {SEES}
     UNION ALL SELECT count(*), max(n.urgency) FROM {ABSORBED} WHERE m.has_absorbed AND {UNSEEN} AND n.state = 'current' AND {SEES}) x) u ON true
  LEFT JOIN LATERAL (SELECT s.* FROM {STAYS} WHERE r.readable && ARRAY['appointments', 'medical', 'nursing', 'social'] LIMIT 1) s ON true
  LEFT JOIN LATERAL (SELECT x.*, w.profession_system, w.profession, w.function FROM (
     (SELECT {LAST} FROM notebook_note n WHERE n.circle_id = m.circle_id AND n.state = 'current' AND {SEES} ORDER BY n.seq DESC LIMIT 1)
     UNION ALL (SELECT x.* FROM circles_circle f CROSS JOIN LATERAL (SELECT {LAST} FROM notebook_note n WHERE n.circle_id = f.patient_id
       AND n.state = 'current' AND {SEES} ORDER BY n.seq DESC LIMIT 1) x WHERE m.has_absorbed AND f.canon_id = m.circle_id AND f.crossed_at IS NOT NULL)) x
     LEFT JOIN directory_practicerole w ON w.id = x.author_role_id ORDER BY x.written_at DESC LIMIT 1) l ON true
WHERE m.circle_id = ANY(%(circles)s)
"""


def lines(viewer: Viewer, circles: list[UUID]) -> dict[UUID, Line]:
    """What a row of the list says, for at most a page of circles; one statement."""
    if not circles:
        return {}
    with prepared() as cursor:
        cursor.execute(DETAIL, params(viewer) | {"circles": circles})
        found = {}
        for row in cursor.fetchall():
            *values, system, profession, function = row
            line = Line(*values)
            line.given, line.family, line.birth_family = title(line.given), title(line.family), title(line.birth_family)
            if function == "330":
                line.last_tint = "coord"
            elif profession and (known := nomenclature.profession(system, profession)):
                line.last_tint = known.tint.removeprefix("p-")
            found[line.circle_id] = line
    return found


# Every row of mine is read; the commune's key, dear to make, once for each name of commune.
SEARCH = f"""
WITH {MINE},
found AS MATERIALIZED (
  SELECT m.circle_id, i.sort, i.birth_sort, i.used_key, i.birth_key, i.ins_value, i.birth_earliest, i.birth_latest,
    coalesce(a.commune_label, '') AS commune
  FROM mine m JOIN patients_identity i ON i.patient_id = m.circle_id AND i.superseded_at IS NULL
    LEFT JOIN patients_coordinates a ON a.patient_id = m.circle_id AND a.superseded_at IS NULL
),
places AS MATERIALIZED (SELECT commune, ' ' || cercle_key(commune) AS place FROM (SELECT DISTINCT commune FROM found) d)
SELECT i.circle_id FROM found i JOIN places a ON a.commune = i.commune WHERE {{where}} ORDER BY i.sort LIMIT %(limit)s
"""


def search(viewer: Viewer, text: str, limit: int = 200) -> list[UUID]:
    """Among my patients: INS, birth date, or every word a prefix of a name (used or of birth), of a given name or of the commune."""
    key = name_key(text)
    if not key:
        return []
    given = params(viewer) | {"limit": limit}
    digits = "".join(c for c in text if c.isalnum())
    if (
        len(digits) in (13, 15)
        and digits[:1].isdigit()
        and digits[-2:].isdigit()
        and sum(c.isdigit() for c in digits) >= len(digits) - 1
    ):
        where = "i.ins_value LIKE %(ins)s"
        given["ins"] = digits.upper() + "%"
    elif born := _birth(text):
        where = "%(born)s BETWEEN i.birth_earliest AND i.birth_latest"
        given["born"] = born
    else:
        parts = []
        for n, word in enumerate(key.split()[:6]):
            given[f"w{n}"] = f"% {word}%"
            parts.append(
                f"(' ' || translate(i.sort || ' ' || i.birth_sort, '-''', '  ') LIKE %(w{n})s OR a.place LIKE %(w{n})s)"
            )
        # « legall » finds « le gall »: the whole without spaces.
        given["joined"] = f"{key.replace(' ', '')}%"
        where = f"(({' AND '.join(parts)}) OR i.used_key LIKE %(joined)s OR i.birth_key LIKE %(joined)s)"
    with prepared() as cursor:
        cursor.execute(SEARCH.format(where=where), given)
        return [row[0] for row in cursor.fetchall()]


def _birth(text: str) -> date | None:
    for pattern in ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%d%m%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(text.strip(), pattern).date()  # noqa: DTZ007 (a day, not an instant)
        except ValueError:
            continue
    return None


def my_circles(viewer: Viewer) -> list[UUID]:
    with prepared() as cursor:
        cursor.execute(f"WITH {MINE} SELECT circle_id FROM mine", params(viewer))
        return [row[0] for row in cursor.fetchall()]


def still_mine(viewer: Viewer, circles: list[UUID]) -> set[UUID]:
    """Those of `circles` that are still open to this person (open screens ask every few seconds)."""
    with prepared() as cursor:
        cursor.execute(
            f"WITH {MINE} SELECT circle_id FROM mine WHERE circle_id = ANY(%(circles)s)",
            params(viewer) | {"circles": circles},
        )
        return {row[0] for row in cursor.fetchall()}
