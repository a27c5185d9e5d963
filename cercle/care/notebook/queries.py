"""What the notebook's page shows, in as few statements as can be (docs/adr/0006): asserted in tests."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from cercle.base.common import fast
from cercle.base.common.prepared import prepared
from cercle.care.documents.models import Document
from cercle.care.stays.models import DETAIL, EXISTENCE, Movement, Stay
from cercle.care.stays.words import Event, event_of
from cercle.people.circles.access import Acting
from cercle.people.circles.faces import Face, faces
from cercle.people.circles.vocabulary import MemberKind
from cercle.people.directory import light
from cercle.people.patients.models import Coordinates

from .actions import VISIT_GAP
from .measures import KINDS, Cell, Point, cell
from .vocabulary import ICONS, NoteType

PAGE = 20


# --- The timeline ------------------------------------------------------------------------------------------------------


class NoteRow:
    """A note as a card shows it: the columns of `Note`, its author's situation beside."""

    __slots__ = (
        "asks_receipt", "attachments", "author_label", "author_name", "author_role", "author_role_id", "author_user_id", "category",
        "changed_at", "circle_id", "entered_as", "files_shown", "hidden", "measures", "pk", "recorded_at", "reply_to_id", "seq", "state", "text",
        "type", "urgency", "version", "written_at",
    )  # fmt: skip

    def __init__(self, row: tuple):
        (
            self.pk, self.seq, self.type, self.urgency, self.category, self.hidden, self.text, self.author_user_id,
            self.author_role_id, self.author_name, self.author_label, self.entered_as, self.reply_to_id, self.written_at,
            self.recorded_at, self.version, self.state, self.changed_at, self.measures, self.attachments, self.asks_receipt,
            self.circle_id,
        ) = row[:22]  # fmt: skip
        self.author_role = light.LightRole(*row[22:]) if self.author_role_id else None
        self.files_shown = ()

    is_withdrawn = property(lambda self: self.state == "withdrawn")
    is_urgent = property(lambda self: self.urgency == 2)
    wants_receipt = property(lambda self: self.urgency == 2 or self.asks_receipt)


# `NoteQuerySet.visible_to` in plain SQL, for the one page that must be fast; a property test holds the two together.
VISIBLE = """{n}.circle_id = ANY(%(circles)s) AND (({n}.hidden & %(mask)s) = 0 AND {n}.category = ANY(%(readable)s)
  OR {n}.author_user_id = %(user)s OR {n}.thread_user = %(user)s) AND NOT ({n}.id = ANY(%(opposed)s))"""
NOTE = (
    "n.id, n.seq, n.type, n.urgency, n.category, n.hidden, n.text, n.author_user_id, n.author_role_id, n.author_name, n.author_label,"
    " n.entered_as, n.reply_to_id, n.written_at, n.recorded_at, n.version, n.state, n.changed_at, n.measures::json, n.attachments,"
    " n.asks_receipt, n.circle_id"
)
THREADS = f"""
WITH roots AS (SELECT n.* FROM notebook_note n WHERE {VISIBLE.format(n="n")} AND n.reply_to_id IS NULL {{where}}
  ORDER BY n.seq DESC FETCH FIRST {PAGE + 1} ROWS WITH TIES),
both_ AS (SELECT * FROM roots UNION ALL SELECT a.* FROM roots r JOIN notebook_note a ON a.reply_to_id = r.id AND {VISIBLE.format(n="a")})
SELECT {NOTE}, {light.COLUMNS} FROM both_ n
  LEFT JOIN directory_practicerole w ON w.id = n.author_role_id LEFT JOIN directory_practitioner p ON p.id = w.practitioner_id
ORDER BY n.reply_to_id IS NOT NULL, CASE WHEN n.reply_to_id IS NULL THEN -n.seq ELSE n.seq END
"""


def sees(acting: Acting) -> dict:
    """The parameters of VISIBLE."""
    return {
        "circles": list(acting.circles),
        "mask": acting.mask,
        "readable": list(acting.readable),
        "user": acting.user_id,
        "opposed": list(acting.opposed_targets),
    }


def threads(acting: Acting, filters: "Filters") -> list[NoteRow]:
    """First notes, newest first, then the answers in the order they came; one statement."""
    given, where = sees(acting), []
    if filters.types or filters.measures:
        either = ["n.type = ANY(%(types)s)"] + (["n.measures <> '[]'::jsonb"] if filters.measures else [])
        where.append(f"({' OR '.join(either)})")
        given["types"] = list(filters.types)
    if filters.urgent:
        where.append("n.urgency = 2")
    if filters.profession == "relatives":
        where.append("n.author_role_id IS NULL")
    elif filters.profession:
        where.append("n.author_role_id IN (SELECT id FROM directory_practicerole WHERE profession = %(profession)s)")
        given["profession"] = filters.profession
    if filters.period:
        where.append("n.written_at >= %(since)s")
        given["since"] = timezone.now() - timedelta(days=PERIODS[filters.period])
    if filters.before:
        where.append("n.seq < %(before)s")
        given["before"] = filters.before
    if filters.words:
        # A word found in an answer finds its thread.
        words = "{n}.tsv @@ websearch_to_tsquery('fr'::regconfig, %(words)s) AND {n}.state <> 'withdrawn'"
        where.append(
            f"({words.format(n='n')} OR EXISTS (SELECT 1 FROM notebook_note h WHERE h.reply_to_id = n.id AND {VISIBLE.format(n='h')}"
            f" AND {words.format(n='h')}))"
        )
        given["words"] = filters.words
    with connection.cursor() if filters.words else prepared() as cursor:
        cursor.execute(THREADS.replace("{where}", "".join(f" AND {w}" for w in where)), given)
        return [NoteRow(row) for row in cursor.fetchall()]


@dataclass(slots=True)
class Card:
    note: NoteRow
    replies: list[NoteRow]
    files: list[Document]
    cells: list[Cell]
    readers: list[Face] = field(default_factory=list)
    waiting: list[Face] = field(default_factory=list)
    is_new: bool = False
    is_mine: bool = False
    day: object = None
    icon: str = ""
    type_label: str = ""
    reply_draft: dict | None = None

    kind = "note"

    @property
    def at(self) -> datetime:
        return self.note.written_at

    @property
    def audience(self) -> int:
        return len(self.readers) + len(self.waiting)


@dataclass(slots=True)
class Row:
    """An event of a stay in the timeline."""

    event: Event
    day: object = None

    kind = "event"

    @property
    def at(self) -> datetime:
        return self.event.at


@dataclass(frozen=True)
class Filters:
    types: frozenset[str] = frozenset()
    events: bool = True
    measures: bool = False
    urgent: bool = False
    profession: str = ""
    period: str = ""
    words: str = ""
    before: int = 0  # seq: what comes after the last card shown

    @property
    def are_set(self) -> bool:
        return bool(self.types or self.measures or self.urgent or self.profession or self.period or self.words)


PERIODS = {"7": 7, "30": 30, "90": 90, "365": 365}


def filters_from(data, before: str = "") -> Filters:
    """From the query string; what is not understood is ignored."""
    types = frozenset(t for t in data.getlist("type") if t in NoteType.values)
    if len(types) == len(NoteType):
        types = frozenset()  # all of them is no filter
    return Filters(
        types=types,
        events=not data.getlist("type") or "events" in data.getlist("type"),
        measures="measures" in data.getlist("type") or data.get("only") == "measures",
        urgent=data.get("only") == "urgent",
        profession=data.get("profession", "")[:20],
        period=data.get("period", "") if data.get("period") in PERIODS else "",
        words=data.get("q", "").replace("\x00", "").strip()[:200],
        before=int(before) if before.isdecimal() and len(before) < 10 else 0,
    )


@dataclass
class Page:
    entries: list
    faces: list[Face]
    more: int  # seq to ask for next, 0 at the end
    since_after: object  # the card before which the line « depuis votre dernière visite » stands
    new_count: int
    visit_at: datetime | None
    read_up_to: int
    shown: list[UUID]
    to_receipt: list[NoteRow]
    draft: dict | None
    draft_at: datetime | None
    counts: dict[str, int]
    open_stay: object
    last_seq: int
    must_mark: bool = True
    moves: bool = False  # something unread was shown
    to_the_end: bool = False  # and the oldest note too
    documents: int = 0  # for the tab of the frame
    told: list[UUID] = field(default_factory=list)  # notes shown here that a notice still announces


SMALL = """
SELECT
 (SELECT json_object_agg(user_id, read_seq) FROM notebook_readcursor WHERE circle_id = %(circle)s),
 (SELECT json_agg(d) FROM (SELECT slot, data, updated_at FROM notebook_draft WHERE circle_id = %(circle)s AND user_id = %(user)s) d),
 (SELECT json_agg(m) FROM (
    SELECT x.note_id, x.kind, x.value, x.value2, x.measured_at FROM unnest(%(kinds)s::text[]) k(kind) CROSS JOIN LATERAL (
      SELECT s.note_id, s.kind, s.value, s.value2, s.measured_at FROM notebook_measure s JOIN notebook_note n ON n.id = s.note_id
      WHERE s.circle_id = ANY(%(circles)s) AND s.kind = k.kind AND s.is_current AND {VISIBLE} ORDER BY s.measured_at DESC LIMIT 40) x) m),
 (SELECT json_build_object('visit_seq', visit_seq, 'visit_at', visit_at, 'read_seq', read_seq, 'seen_at', seen_at)
    FROM notebook_readcursor WHERE circle_id = %(circle)s AND user_id = %(user)s),
 (SELECT json_object_agg(type, n) FROM (
    SELECT type, count(*) n FROM notebook_note WHERE circle_id = ANY(%(circles)s) AND reply_to_id IS NULL
      AND ((hidden & %(mask)s) = 0 AND category = ANY(%(readable)s) OR author_user_id = %(user)s)
      AND NOT (id = ANY(%(opposed)s)) GROUP BY type) t),
 (SELECT json_object_agg(note_id, at) FROM (SELECT note_id, json_agg(user_id) at FROM notebook_receipt r
    JOIN notebook_note n ON n.id = r.note_id WHERE n.circle_id = ANY(%(circles)s) AND n.seq > %(recent)s GROUP BY note_id) r),
 (SELECT row_to_json(a) FROM (SELECT id, address, address_extra, postal_code, commune_code, commune_label, country_code, phone, phone_other, email
    FROM patients_coordinates WHERE patient_id = %(circle)s AND superseded_at IS NULL) a),
 (SELECT json_agg(target_id) FROM notifications_notification
    WHERE user_id = %(user)s AND read_at IS NULL AND circle_id = ANY(%(circles)s) AND target_type = 'notebook.note'),
 (SELECT EXISTS (SELECT 1 FROM stays_stay WHERE circle_id = ANY(%(circles)s))),
 (SELECT count(*) FROM documents_document d WHERE d.circle_id = ANY(%(circles)s) AND d.state = 'kept'
    AND ((d.hidden & %(mask)s) = 0 AND d.category = ANY(%(readable)s) OR d.author_user_id = %(user)s)
    AND NOT (d.id = ANY(%(opposed)s)) AND NOT (coalesce(d.holder_id, d.id) = ANY(%(opposed)s)))
""".replace("{VISIBLE}", VISIBLE.format(n="n"))


def page(acting: Acting, filters: Filters = Filters()) -> Page:
    """The notebook's latest threads with all that a card says. Statements: faces, small things, notes with answers, files, stays."""
    people = faces(acting)
    with prepared() as cursor:
        cursor.execute(
            SMALL,
            {
                "circle": acting.circle_id, "circles": list(acting.circles), "user": acting.user_id, "mask": acting.mask,
                "readable": list(acting.readable), "opposed": list(acting.opposed_targets), "kinds": list(KINDS),
                "recent": max(acting.circle.counter.note_seq - 400, 0) if len(acting.circles) == 1 else 0,
            },
        )  # fmt: skip
        cursors, drafts, trend, mine, counts, receipts, place, told, stayed, documents = cursor.fetchone()
    acting.patient.coordinates = Coordinates(**place) if place else None
    cursors = {UUID(u): seq for u, seq in (cursors or {}).items()}
    receipts = {UUID(n): {UUID(u) for u in users} for n, users in (receipts or {}).items()}
    slots = {d["slot"]: d for d in drafts or []}
    mine = mine or {"visit_seq": 0, "visit_at": None, "read_seq": 0, "seen_at": None}

    rows = threads(acting, filters)
    cards_notes = [n for n in rows if n.reply_to_id is None]
    replies: dict[UUID, list[NoteRow]] = defaultdict(list)
    for n in rows:
        if n.reply_to_id:
            replies[n.reply_to_id].append(n)
    end = PAGE
    while PAGE <= end < len(cards_notes) and cards_notes[end].seq == cards_notes[end - 1].seq:
        end += 1  # two notebooks read as one may number alike: those stay on one page
    more = cards_notes[end - 1].seq if len(cards_notes) > end else 0
    cards_notes = cards_notes[:end]
    others = _absorbed(acting)

    holders = [n.pk for n in rows if n.attachments]
    files: dict[UUID, list[Document]] = defaultdict(list)
    if holders:
        for document in Document.objects.visible_to(acting).held_by(*holders):
            files[document.holder_id].append(document)

    history: dict[str, list[tuple[Point, UUID]]] = defaultdict(list)
    for m in sorted(trend or [], key=lambda m: m["measured_at"]):
        point = Point(
            datetime.fromisoformat(m["measured_at"]),
            Decimal(str(m["value"])),
            None if m["value2"] is None else Decimal(str(m["value2"])),
        )
        history[m["kind"]].append((point, UUID(m["note_id"])))

    visit_seq, visit_at = _visit(mine)
    cards = []
    for note in cards_notes:
        thread = replies[note.pk]
        for reply in thread:
            reply.files_shown = files.get(reply.pk, ())
        card = Card(note=note, replies=thread, files=files.get(note.pk, []), cells=_cells(note, history))
        card.icon = ICONS[NoteType(note.type)]
        card.type_label = NoteType(note.type).label
        card.is_mine = note.author_user_id is not None and note.author_user_id == acting.user_id
        other = others.get(note.circle_id)
        known = other.cursors.get(acting.user_id, 0) if other else visit_seq
        card.is_new = any(n.seq > known and n.author_user_id != acting.user_id for n in (note, *thread))
        card.day = timezone.localtime(note.written_at).date()
        slot = slots.get(f"reply:{note.pk}")
        card.reply_draft = slot["data"] if slot else None
        _receipts(card, people, other.cursors if other else cursors, receipts)
        cards.append(card)

    # The cursor moves to the end only when nothing unread was skipped (an older page is still to be opened).
    top = acting.circle.counter.note_seq
    skipped = bool(more) and not filters.are_set and cards_notes and cards_notes[-1].seq > mine["read_seq"] + 1
    read_up_to = mine["read_seq"] if (skipped or filters.are_set or filters.before and more) else top
    # Notes of a file brought together are numbered apart: its cursor moves once the last page was shown.
    to_the_end = not more and not filters.are_set
    behind = to_the_end and any(o.top > o.cursors.get(acting.user_id, 0) for o in others.values())
    entries: list = list(cards)
    movements, open_stay = _movements(acting) if stayed else ([], None)
    if filters.events and not (filters.words or filters.urgent or filters.profession):
        # Between the cards of this page: those before belong to the next page, those after to the one before.
        oldest = cards[-1].at if cards and more else None
        newest = cards[0].at if cards and filters.before else None
        limit = timezone.now() - timedelta(days=PERIODS[filters.period]) if filters.period else None
        for event in movements:
            if not ((oldest and event.at < oldest) or (newest and event.at > newest) or (limit and event.at < limit)):
                entries.append(Row(event, timezone.localtime(event.at).date()))
    entries.sort(key=lambda e: e.at, reverse=True)
    new_cards = [c for c in cards if c.is_new]
    since_after = None
    if new_cards and visit_at and not filters.are_set and not filters.before and len(new_cards) < len(cards):
        # The line stands under the last new card: the first entry older than all of them.
        oldest_new = min(c.at for c in new_cards)
        since_after = next((e for e in entries if e.at < oldest_new), None)
    draft = slots.get("note")
    shown = [n.pk for n in rows if n.reply_to_id or n in cards_notes]
    return Page(
        entries=entries, faces=people, more=more, since_after=since_after, new_count=len(new_cards), visit_at=visit_at,
        read_up_to=read_up_to, shown=shown, to_receipt=[n for c in cards for n in (c.note, *c.replies) if acting.user_id not in receipts.get(n.pk, ())],
        moves=read_up_to > mine["read_seq"] or behind, to_the_end=to_the_end,
        must_mark=read_up_to > mine["read_seq"] or behind or not _seen_lately(mine),
        draft=draft["data"] if draft else None, draft_at=datetime.fromisoformat(draft["updated_at"]) if draft else None,
        counts=counts or {}, documents=documents, open_stay=open_stay, last_seq=top, told=[n for n in map(UUID, told or []) if n in set(shown)],
    )  # fmt: skip


@dataclass(frozen=True)
class Absorbed:
    """Another file of the same person, read through this one."""

    top: int  # its last note
    cursors: dict[UUID, int]  # how far each of its readers has read


def _absorbed(acting: Acting) -> dict[UUID, Absorbed]:
    if len(acting.circles) == 1:
        return {}
    with prepared() as cursor:
        cursor.execute(ABSORBED, [list(acting.circles[1:])])
        return {
            circle: Absorbed(top, {UUID(u): seq for u, seq in (cursors or {}).items()})
            for circle, top, cursors in cursor.fetchall()
        }


ABSORBED = """SELECT k.circle_id, k.note_seq, (SELECT json_object_agg(user_id, read_seq) FROM notebook_readcursor c WHERE c.circle_id = k.circle_id)
FROM circles_circlecounter k WHERE k.circle_id = ANY(%s)"""


def _visit(mine: dict) -> tuple[int, datetime | None]:
    """Where this visit began: kept for half an hour, so that a reload does not wipe « depuis votre dernière visite »."""
    seen_at = datetime.fromisoformat(mine["seen_at"]) if mine["seen_at"] else None
    if seen_at and seen_at > timezone.now() - VISIT_GAP:
        return mine["visit_seq"], datetime.fromisoformat(mine["visit_at"]) if mine["visit_at"] else None
    return mine["read_seq"], seen_at


def _seen_lately(mine: dict) -> bool:
    """Within five minutes: looking again writes nothing."""
    return bool(mine["seen_at"]) and timezone.now() - datetime.fromisoformat(mine["seen_at"]) < VISIT_GAP / 6


def _cells(note: NoteRow, history: dict) -> list[Cell]:
    found = []
    for row in note.measures:
        points = history.get(row["kind"], [])
        upto = [p for p, _id in points if p.at <= note.written_at]
        if not any(owner == note.pk for _p, owner in points):
            upto.append(
                Point(note.written_at, Decimal(row["value"]), Decimal(row["value2"]) if row.get("value2") else None)
            )
        found.append(cell(row, upto))
    return found


def _receipts(card: Card, people: list[Face], cursors: dict, receipts: dict) -> None:
    note = card.note
    explicit = receipts.get(note.pk, set()) if note.wants_receipt else set()
    for face in people:
        if face.kind == MemberKind.CONNECTOR or note.author_user_id in face.users and note.author_user_id:
            continue
        if note.author_role_id and face.practice_role_id == note.author_role_id:
            continue
        if (
            note.hidden & face.mask
            or note.category not in face.readable
            or note.pk in face.refused
            or note.reply_to_id in face.refused
            or face.started_at > note.recorded_at
            and not face.users
        ):
            continue
        read = any(u in explicit for u in face.users) or any(cursors.get(u, 0) >= note.seq for u in face.users)
        (card.readers if read else card.waiting).append(face)


MOVEMENTS = (
    f"SELECT {fast.columns(Movement, 'm')}, {fast.columns(Stay, 's')} FROM stays_stay s JOIN stays_movement m ON m.stay_id = s.id"
    " WHERE s.circle_id = ANY(%s) ORDER BY m.at DESC, m.id DESC LIMIT 60"
)


def _movements(acting: Acting) -> tuple[list[Event], object]:
    """Events of the last stays and the stay under way, from one statement."""
    if EXISTENCE not in acting.readable:
        return [], None
    with prepared() as cursor:
        cursor.execute(MOVEMENTS, [list(acting.circles)])
        found = cursor.fetchall()
    rows = []
    for row in found:
        movement = fast.take(Movement, row)
        movement.stay = fast.take(Stay, row, fast.width(Movement))
        rows.append(movement)
    rows = [m for m in rows if m.stay_id not in acting.opposed_targets]
    detailed = DETAIL in acting.readable
    open_stays = sorted({m.stay for m in rows if m.stay.is_open}, key=lambda s: (s.started_at, s.pk), reverse=True)
    return [event_of(m, detailed=detailed) for m in rows], open_stays[0] if open_stays else None
