"""The verbs of the notebook: the slice to copy. Rows, trace and what follows, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.base.common.prepared import prepared
from cercle.base.realtime.push import push
from cercle.care.documents import actions as documents
from cercle.care.documents.models import Document
from cercle.people.circles.access import Acting
from cercle.people.circles.models import ClientRef, Member
from cercle.people.circles.vocabulary import READER_LABELS, Category, Permission, Reader

from .measures import Value
from .models import Draft, Measure, Note, NoteRecipient, NoteVersion, ReadCursor
from .vocabulary import NoteType, State, Urgency

LONGEST = 20_000  # characters; more is a document, and the person is told so
MOST_FILES = 10
# A visit ends when the notebook was not looked at for this long; « depuis votre dernière visite » moves then.
VISIT_GAP = timedelta(minutes=30)
ALL_HIDEABLE = sum(int(r) for r in READER_LABELS)


class Conflict(Refused):
    """Two people changed the same note: nothing is lost, both are told. Carries what the other one wrote."""

    def __init__(self, note: Note, text: str):
        super().__init__(
            _(
                "Cette note a été corrigée par %(who)s pendant que vous écriviez. Votre texte est gardé : comparez, puis envoyez."
            )
            % {"who": note.versions.order_by("-number").first().by_name},
            "conflict",
        )
        self.note, self.text = note, text


@dataclass(frozen=True)
class Author:
    """Whoever signs, when it is not the one who acts: a practitioner named by a feed, a colleague one types for."""

    name: str
    label: str = ""
    role: Any = None  # PracticeRole
    user_id: UUID | None = None


def add_note(
    acting: Acting,
    *,
    text: str,
    type: str = NoteType.GEN,
    urgency: int = Urgency.NORMAL,
    category: str | None = None,
    hidden: int = 0,
    reply_to: Note | None = None,
    measures: Sequence[Value] = (),
    files: Iterable[Any] = (),
    document_ids: Iterable[UUID] = (),
    recipients: Iterable[Member] = (),
    asks_receipt: bool = False,
    author: Author | None = None,
    written_at: datetime | None = None,
    client_ref: str = "",
) -> Note:
    """Write in the notebook. A repeated `client_ref` of the same source gives back the note already kept.

    `hidden`: reader classes that will not see it; an answer is never looser than the first note of its thread. `files`:
    uploads, checked and cleaned here. Raises Refused (nothing is kept then): empty, too long, category not writable,
    a file that cannot be taken, a date in the future.
    """
    text = _clean(text)
    files, document_ids, recipients = list(files), list(document_ids), list(recipients)
    if not (text or measures or files or document_ids):
        raise Refused(_("Écrivez quelques mots, ou ajoutez une photo ou une mesure."), "empty")
    if len(files) + len(document_ids) > MOST_FILES:
        raise Refused(
            _("%(n)s fichiers au plus par note. Faites une seconde note pour les autres.") % {"n": MOST_FILES}, "files"
        )
    if type not in NoteType.values or urgency not in Urgency.values:
        raise Refused(_("Type ou urgence inconnus."), "vocabulary")
    written_at = written_at or timezone.now()
    if written_at > timezone.now() + timedelta(minutes=10):
        raise Refused(_("La date de la note est dans le futur."), "future")
    hidden &= ALL_HIDEABLE
    if reply_to is not None:
        root = reply_to.reply_to or reply_to
        if root.circle_id not in acting.circles:
            raise Refused(_("Cette note n’est pas dans ce cahier."), "wrong_circle")
        category, hidden = root.category, hidden | root.hidden
    else:
        root, category = None, category or acting.profile.default_category
    may_answer = root is not None and acting.sees(
        hidden=root.hidden, category=root.category, author_user_id=root.author_user_id, target_id=root.pk
    )
    if (
        category not in Category.values
        or not acting.may(Permission.WRITE_NOTE)
        or (category not in acting.writable and not may_answer)
    ):
        raise Refused(_("Votre profil ne permet pas d’écrire dans cette catégorie."), "category")
    signed = author or Author(acting.actor_name, acting.actor_role, acting.practice_role, acting.user_id)
    try:
        return _write(
            acting, text=text, type=type, urgency=urgency, category=category, hidden=hidden, root=root, measures=measures, files=files,
            document_ids=document_ids, recipients=recipients, asks_receipt=asks_receipt, signed=signed, by_other=author is not None,
            written_at=written_at, client_ref=client_ref,
        )  # fmt: skip
    except _Repeat:
        return _already_kept(acting, client_ref)


class _Repeat(Exception):
    """This send was kept before."""


def _write(
    acting, *, text, type, urgency, category, hidden, root, measures, files, document_ids, recipients, asks_receipt, signed,
    by_other, written_at, client_ref,
) -> Note:  # fmt: skip
    with transaction.atomic():
        # First statement: the counter's row is the lock, so `seq` follows the order of commits in this circle.
        seq = _next_seq(acting.circle_id, hidden=hidden, urgent=urgency == Urgency.URGENT)
        note_id = uuid7()
        if client_ref and not _claim(acting, client_ref, note_id):
            raise _Repeat  # the sequence number just taken is given back
        note = Note(
            id=note_id, circle_id=acting.circle_id, seq=seq, type=type, urgency=urgency, category=category, hidden=hidden, text=text,
            author_user_id=signed.user_id, author_role=signed.role, author_name=signed.name[:200], author_label=signed.label[:200],
            entered_by_id=acting.user_id if by_other else None, entered_as=acting.actor_name if by_other else "", source=acting.source,
            reply_to=root, thread_user=root.author_user_id if root else None, written_at=written_at,
            measures=[m.as_json() for m in measures], attachments=len(files) + len(document_ids), asks_receipt=asks_receipt,
        )  # fmt: skip
        note.save(force_insert=True)
        _keep_version(note, acting, "")
        _keep_measures(note, measures)
        for file in files:
            documents.store_upload(
                acting, file=file, category=category, hidden=hidden, holder_id=note.pk, answers=root is not None,
                author_role=signed.role if by_other else None, author_name=signed.name if by_other else "",
            )  # fmt: skip
        if document_ids:
            documents.attach(acting, document_ids=document_ids, holder_id=note.pk, category=category, hidden=hidden)
        named = [m for m in recipients if m.circle_id in acting.circles and m.ended_at is None]
        NoteRecipient.objects.bulk_create(NoteRecipient(note=note, member=m) for m in named)
        own = bool(acting.user_id) and signed.user_id == acting.user_id
        if not _settle(acting, seq=seq, slot=f"reply:{root.pk}" if root else "note", own=own) and own:
            _own_words_are_read(acting, seq)
        record(
            acting, "notebook.note_added", on=note, hidden=hidden,
            details={"type": type, "urgency": int(urgency), "category": category, "reply": bool(root), "seq": seq},
        )  # fmt: skip
        push(f"circle:{acting.circle_id}")
    return note


def correct_note(
    acting: Acting, *, note: Note, based_on: int, text: str, type: str | None = None, urgency: int | None = None,
    hidden: int | None = None, category: str | None = None, measures: Sequence[Value] | None = None, reason: str = "",
) -> Note:  # fmt: skip
    """A new version of one's own note; the old ones stay readable. `based_on`: the version the author had in front of her.

    Raises Conflict when another version came in between (the text is in it), Refused when it is not hers or withdrawn.
    """
    text = _clean(text)
    with transaction.atomic():
        row = _own(acting, note)
        if row.version != based_on:
            raise Conflict(row, text)
        if not (text or (measures if measures is not None else row.measures) or row.attachments):
            raise Refused(_("Une note ne peut pas devenir vide : retirez-la plutôt."), "empty")
        if category and category not in acting.writable:
            raise Refused(_("Votre profil ne permet pas d’écrire dans cette catégorie."), "category")
        was_hidden = row.hidden
        row.text, row.version, row.changed_at = text, row.version + 1, timezone.now()
        row.type = type or row.type
        row.urgency = row.urgency if urgency is None else urgency
        row.category = category or row.category
        if hidden is not None:
            row.hidden = hidden & ALL_HIDEABLE
            if row.reply_to_id:
                row.hidden |= row.reply_to.hidden
        if measures is not None:
            row.measures = [m.as_json() for m in measures]
            Measure.objects.filter(note=row).update(is_current=False)
            _keep_measures(row, measures)
        row.save(update_fields=["text", "version", "changed_at", "type", "urgency", "category", "hidden", "measures"])
        if row.hidden != was_hidden or category:
            _follow(acting, row)
        if row.hidden != was_hidden or urgency is not None:
            _count_again(row.circle_id)
        _keep_version(row, acting, reason)
        Draft.objects.filter(user_id=acting.user_id, circle_id=acting.circle_id, slot=f"fix:{row.pk}").delete()
        record(
            acting,
            "notebook.note_corrected",
            on=row,
            hidden=row.hidden,
            reason=reason,
            details={"version": row.version},
        )
        push(f"circle:{acting.circle_id}")
    return row


def withdraw_note(acting: Acting, *, note: Note, reason: str) -> Note:
    """Written in the wrong notebook, wrong dose…: the card says it was withdrawn, by whom and why; the history keeps it."""
    if not reason.strip():
        raise Refused(_("Dites en un mot pourquoi vous retirez cette note : le cercle le lira."), "reason")
    with transaction.atomic():
        row = _own(acting, note)
        row.state, row.version, row.changed_at = State.WITHDRAWN, row.version + 1, timezone.now()
        row.save(update_fields=["state", "version", "changed_at"])
        Measure.objects.filter(note=row).update(is_current=False)
        _keep_version(row, acting, reason.strip()[:400])
        if row.attachments:
            documents.withdraw_held(acting, holder_id=row.pk, reason=reason)
        record(acting, "notebook.note_withdrawn", on=row, kind=Kind.DELETE, hidden=row.hidden, reason=reason)
        push(f"circle:{acting.circle_id}")
    return row


def mark_read(acting: Acting, *, up_to: int, notes: Sequence[Any] = (), to_the_end: bool = False) -> None:
    """Move this person's cursor to `up_to`; `notes` that ask for it get a receipt. Only forward; no trace of its own.

    The view gives `up_to` only when everything between the old cursor and it was shown. `to_the_end`: the oldest note was
    shown too, so what other files of the same person say (read through this one) is read as well.
    """
    if not acting.user_id or acting.break_glass:
        return
    now = timezone.now()
    wanted = [n.pk for n in notes if n.wants_receipt and n.author_user_id != acting.user_id]
    given = dict[str, Any](
        user=acting.user_id, circle=acting.circle_id, seq=up_to, now=now, gap=VISIT_GAP, notes=wanted
    )
    with connection.cursor() as cursor:
        # Cursor and receipts in one statement: the file page counts its statements.
        cursor.execute(f"WITH moved AS ({MOVE}) {RECEIPTS}" if wanted else MOVE, given)
        if to_the_end and len(acting.circles) > 1:
            cursor.execute(MOVE_ABSORBED, given | {"absorbed": list(acting.circles[1:])})


MOVE = """INSERT INTO notebook_readcursor AS c (user_id, circle_id, read_seq, seen_at, visit_seq, visit_at)
VALUES (%(user)s, %(circle)s, %(seq)s, %(now)s, 0, NULL)
ON CONFLICT (user_id, circle_id) DO UPDATE SET read_seq = greatest(c.read_seq, excluded.read_seq), seen_at = %(now)s,
  visit_seq = CASE WHEN c.seen_at < %(now)s - %(gap)s THEN c.read_seq ELSE c.visit_seq END,
  visit_at = CASE WHEN c.seen_at < %(now)s - %(gap)s THEN c.seen_at ELSE c.visit_at END"""
MOVE_ABSORBED = """INSERT INTO notebook_readcursor AS c (user_id, circle_id, read_seq, seen_at, visit_seq, visit_at)
SELECT %(user)s, circle_id, note_seq, %(now)s, 0, NULL FROM circles_circlecounter WHERE circle_id = ANY(%(absorbed)s)
ON CONFLICT (user_id, circle_id) DO UPDATE SET read_seq = greatest(c.read_seq, excluded.read_seq), seen_at = %(now)s"""
RECEIPTS = """INSERT INTO notebook_receipt (note_id, user_id) SELECT note_id, %(user)s FROM unnest(%(notes)s::uuid[]) note_id
ON CONFLICT DO NOTHING"""


def keep_draft(acting: Acting, *, slot: str, data: dict) -> datetime:
    """What is being typed; overwritten at each pause, gone when the note is sent. No trace: nobody else sees it."""
    now = timezone.now()
    if slot != "note" and not slot.startswith(("reply:", "fix:")):
        raise Refused(_("Brouillon inconnu."), "slot")
    if not any(str(v).strip() for k, v in data.items() if k in {"text", "measures"}):
        Draft.objects.filter(user_id=acting.user_id, circle_id=acting.circle_id, slot=slot).delete()
        return now
    Draft.objects.update_or_create(
        user_id=acting.user_id, circle_id=acting.circle_id, slot=slot[:60], defaults={"data": data, "updated_at": now}
    )
    return now


# --- the small steps ---------------------------------------------------------------------------------------------------


def _clean(text: str) -> str:
    text = (text or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise Refused(
            _("Votre texte fait %(n)s caractères ; %(max)s au plus. Joignez plutôt un document.")
            % {"n": len(text), "max": LONGEST},
            "long",
        )
    return text


def _next_seq(circle_id, *, hidden: int, urgent: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE circles_circlecounter SET note_seq = note_seq + 1,
              open_seq = CASE WHEN %(hidden)s = 0 THEN note_seq + 1 ELSE open_seq END,
              masked_seq = CASE WHEN %(hidden)s <> 0 THEN note_seq + 1 ELSE masked_seq END,
              urgent_seq = CASE WHEN %(urgent)s AND %(hidden)s = 0 THEN note_seq + 1 ELSE urgent_seq END
            WHERE circle_id = %(circle)s RETURNING note_seq""",
            {"circle": circle_id, "hidden": hidden, "urgent": urgent},
        )
        return cursor.fetchone()[0]


def _count_again(circle_id) -> None:
    """After a mask or an urgency changed: the marks follow what the notes say now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE circles_circlecounter k SET open_seq = n.open_seq, masked_seq = n.masked_seq, urgent_seq = n.urgent_seq
            FROM (SELECT coalesce(max(seq) FILTER (WHERE hidden = 0), 0) open_seq, coalesce(max(seq) FILTER (WHERE hidden <> 0), 0) masked_seq,
              coalesce(max(seq) FILTER (WHERE hidden = 0 AND urgency = 2), 0) urgent_seq FROM notebook_note WHERE circle_id = %(circle)s) n
            WHERE k.circle_id = %(circle)s""",
            {"circle": circle_id},
        )


def _source_of(acting: Acting):
    return acting.user_id or (acting.member.api_client_id if acting.member else None) or acting.circle_id


def _claim(acting: Acting, ref: str, note_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO circles_clientref (source, circle_ref, ref, kind, target_id) VALUES (%s, %s, %s, 'note', %s)"
            " ON CONFLICT DO NOTHING",
            [_source_of(acting), acting.circle_id, ref[:200], note_id],
        )
        return cursor.rowcount == 1


def _already_kept(acting: Acting, ref: str) -> Note:
    kept = ClientRef.objects.get(source=_source_of(acting), circle_ref=acting.circle_id, ref=ref[:200])
    return Note.objects.get(pk=kept.target_id)


def _own(acting: Acting, note: Note) -> Note:
    row = Note.objects.select_for_update(of=("self",)).get(pk=note.pk, circle_id__in=acting.circles)
    hers = row.author_user_id is not None and row.author_user_id == acting.user_id
    if not hers and not _sent_by(acting, row):
        raise Refused(_("Seul l’auteur d’une note peut la corriger ou la retirer."), "not_author")
    if row.is_withdrawn:
        raise Refused(_("Cette note a été retirée."), "withdrawn")
    return row


def _sent_by(acting: Acting, note: Note) -> bool:
    """A feed may correct what it sent itself: whoever signed did so in that software."""
    client = acting.member.api_client_id if acting.member and not acting.user_id else None
    return client is not None and ClientRef.objects.filter(source=client, kind="note", target_id=note.pk).exists()


def _keep_version(note: Note, acting: Acting, reason: str) -> None:
    NoteVersion.objects.create(
        note=note, number=note.version, state=note.state, type=note.type, urgency=note.urgency, category=note.category,
        hidden=note.hidden, text=note.text, measures=note.measures, reason=reason[:400], by_user_id=acting.user_id,
        by_name=acting.actor_name,
    )  # fmt: skip


def _keep_measures(note: Note, measures: Sequence[Value]) -> None:
    Measure.objects.bulk_create(
        Measure(
            note=note, circle_id=note.circle_id, kind=m.kind.code, value=m.value, value2=m.value2, context=m.context,
            measured_at=note.written_at,
        )
        for m in measures
    )  # fmt: skip


def _follow(acting: Acting, note: Note) -> None:
    """Answers and files are never looser than their note."""
    replies = Note.objects.filter(reply_to=note)
    for reply in replies:
        reply.hidden |= note.hidden
        reply.category = note.category
        reply.save(update_fields=["hidden", "category"])
    held = Document.objects.filter(holder_id__in=[note.pk, *(r.pk for r in replies)])
    documents.set_visibility(acting, documents=held, hidden=note.hidden, category=note.category)


# After each note: the draft it came from is gone, the person was heard of, and one's own words are read.
SETTLE = """WITH draft AS (DELETE FROM notebook_draft WHERE user_id = %(user)s AND circle_id = %(circle)s AND slot = %(slot)s),
  patient AS (UPDATE patients_patient SET last_contact_at = %(now)s WHERE id = %(circle)s),
  mine AS (UPDATE notebook_readcursor SET read_seq = %(seq)s
    WHERE %(own)s AND user_id = %(user)s AND circle_id = %(circle)s AND read_seq = %(seq)s - 1 RETURNING 1)
SELECT count(*) FROM mine"""


def _settle(acting: Acting, *, seq: int, slot: str, own: bool) -> bool:
    """True when all before this note was read, so that it is read as well."""
    with prepared() as cursor:
        cursor.execute(
            SETTLE,
            {"user": acting.user_id, "circle": acting.circle_id, "slot": slot, "now": timezone.now(), "seq": seq, "own": own},
        )  # fmt: skip
        return bool(cursor.fetchone()[0])


def _own_words_are_read(acting: Acting, seq: int) -> None:
    """One's own note is never « non lue », unless something unread stands before it."""
    mine = ReadCursor.objects.filter(user_id=acting.user_id, circle_id=acting.circle_id)
    if seq == 1:
        ReadCursor.objects.get_or_create(user_id=acting.user_id, circle_id=acting.circle_id)
        if mine.filter(read_seq=0).update(read_seq=1):
            return
    # Others wrote meanwhile: only what she may see counts, so that a masked note leaves no mark.
    cursor = mine.filter(read_seq__lt=seq).first()
    if cursor is None:
        return
    between = Note.objects.visible_to(acting).filter(circle_id=acting.circle_id, seq__gt=cursor.read_seq, seq__lt=seq)
    if not between.exclude(author_user_id=acting.user_id).exists():
        mine.update(read_seq=seq)


__all__ = ["Author", "Conflict", "Reader", "add_note", "correct_note", "keep_draft", "mark_read", "withdraw_note"]
