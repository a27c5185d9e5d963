"""One message: stored, applied, answered, in one transaction. The answer leaves after the commit (mllp.py).

The same bytes from the same sender get the answer that is stored; other bytes are another message, whatever their MSH-10.
"""

import hashlib
import logging

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.utils import DataError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.base.web import places
from cercle.people.patients import duplicates

from . import acknowledge, actions
from .acknowledge import AA, AE, AR, Answer, Problem, Rejection
from .messages import EVENTS, TYPES
from .messages.identity import Discord
from .models import Message, Sender
from .parse import Parsed, parse
from .reading import Reading, viewer_of
from .segments import mrg, msh, pid, pv1

log = logging.getLogger(__name__)

TRIES = 4  # of one message, when two transactions met
MET = {"40001", "40P01", "23505", "55P03"}  # serialisation, deadlock, unique, lock

WORDS = {
    "line": "Des lignes qui ne sont pas des segments ont été ignorées.",
    "charset_unknown": "MSH-18 (jeu de caractères) n’est pas connu : les octets ont décidé.",
    "charset_differs": "MSH-18 (jeu de caractères) ne correspond pas aux octets reçus : les accents ont décidé.",
}


def receive(raw: bytes, *, certificate: str = "") -> bytes:
    """The answer to these bytes. Raises DatabaseError when nothing could be kept: then no answer may leave."""
    for attempt in range(TRIES):
        try:
            with translation.override("fr"), transaction.atomic():
                return _receive(raw, certificate)
        except DatabaseError as error:
            if attempt + 1 == TRIES or _sqlstate(error) not in MET:
                raise
    raise AssertionError("unreachable")


def _receive(raw: bytes, certificate: str) -> bytes:
    parsed = parse(raw)
    header = msh.read(parsed) if parsed else None
    sha256 = hashlib.sha256(raw).hexdigest()
    sender = find_sender(header) if header else None
    row = Message(id=uuid7(), sender=sender, raw=raw, sha256=sha256)
    if sender:
        former = Message.objects.filter(sender=sender, sha256=sha256).select_for_update().first()
        if former and former.is_final:
            return bytes(former.answer)
        row = former or row
    if header:
        row.application, row.facility = header.application[:180], header.facility[:180]
        row.control_id, row.event = header.control_id[:199], f"{header.type}^{header.event}"[:12]
    process(row, parsed, header, certificate)
    return bytes(row.answer)


def process(row: Message, parsed: Parsed | None, header: msh.Msh | None, certificate: str = "") -> None:
    """Apply a stored message and write down what became of it. For the first time and for a replay."""
    answer = Answer()
    reading = None
    row.is_final = True
    try:
        if parsed is None or header is None:
            raise Rejection(100, _("Ceci n’est pas un message HL7 v2 : MSH manque en tête."), "MSH", AR)
        if row.sender is None:
            raise Discord(207, _("Cet expéditeur (MSH-3, MSH-4) n’est pas déclaré ici."), "MSH^1^3", AR)
        reading = Reading(parsed, header, row.sender, row)
        with transaction.atomic():
            _apply(reading, certificate)
        answer.problems = reading.problems
        warned = any(p.severity == "W" for p in answer.problems)
        row.state = Message.State.WARNED if warned else Message.State.APPLIED
        row.patient = reading.patient
    except (Rejection, Refused) as refusal:
        rejection = refusal if isinstance(refusal, Rejection) else Rejection(207, str(refusal.message))
        answer.code, answer.problems = rejection.answer, [rejection.problem, *(reading.problems if reading else [])]
        row.state = Message.State.QUARANTINE if isinstance(refusal, Discord) else Message.State.REFUSED
        if isinstance(refusal, Discord) and refusal.pair:
            duplicates.file_claim(*refusal.pair, level="review")
    except (OperationalError, InterfaceError):
        raise
    except IntegrityError as error:
        if _sqlstate(error) == "23505":
            raise  # someone wrote the same at the same moment: again, from the start
        _fail(row, answer, error)
    except Exception as error:
        _fail(row, answer, error)
    row.code = answer.code
    row.problems = [
        {"code": p.code, "words": p.words, "where": p.where, "severity": p.severity} for p in answer.problems[:30]
    ]
    row.answer = acknowledge.build(parsed, answer)
    row.save(force_insert=row._state.adding)  # once, at the end: what points to it is checked at the commit
    if row.sender and row.code != AA:
        record(
            viewer_of(row.sender), "hl7v2.message_refused", on=row, kind=Kind.OTHER, outcome="refused",
            details={"event": row.event, "codes": [p.code for p in answer.problems[:10]]},
        )  # fmt: skip


def _fail(row: Message, answer: Answer, error: Exception) -> None:
    """Our own failure: said as such, never with what the message holds; the same bytes are tried again."""
    log.error("HL7 message %s failed: %s", row.pk, type(error).__name__, exc_info=not isinstance(error, DataError))
    answer.code = AE
    answer.problems = [Problem(207, _("Le message n’a pas pu être appliqué : l’exploitant en est averti."))]
    row.state, row.is_final = Message.State.QUARANTINE, False


def _apply(reading: Reading, certificate: str) -> None:
    header, sender = reading.msh, reading.sender
    for code in reading.message.warnings:
        reading.warn(199, _(WORDS[code]), "MSH")
    if not (sender.is_active and sender.client.active):
        raise Rejection(207, _("Cet expéditeur est désactivé."), "MSH^1^3", AR)
    if sender.certificate and certificate != sender.certificate:
        raise Rejection(207, _("Le certificat présenté n’est pas celui de cet expéditeur."), "MSH^1^3", AR)
    if header.type not in TYPES:
        raise Rejection(200, _("Ce type de message n’est pas pris en charge."), "MSH^1^9^1^1", AR)
    if header.processing not in sender.takes or len(header.processing) != 1:
        raise Rejection(
            202, _("MSH-11 : ce mode de traitement n’est pas celui convenu avec cet expéditeur."), "MSH^1^11", AR
        )
    _version(reading)
    event = EVENTS.get(f"{header.type}^{header.event}")
    if event is None or (event.international and not sender.international):
        raise Rejection(201, _("Cet événement n’est pas pris en charge."), "MSH^1^9^1^2", AR)
    if not header.control_id:
        raise Rejection(101, _("MSH-10 (identifiant du message) est obligatoire."), "MSH^1^10")
    if header.structure and header.structure != event.structure:
        reading.inform(_("MSH-9 : la structure annoncée n’est pas celle de l’événement."), "MSH^1^9^1^3")
    if not reading.message.first("EVN"):
        reading.warn(100, _("Le segment EVN manque."), "EVN")
    for name in event.needs:
        if not reading.message.first(name):
            raise Rejection(100, _("Le segment %(name)s manque.") % {"name": name}, name)
    if header.event in ("A40", "A47") and len(list(reading.message.all("PID"))) > 1:
        raise Rejection(198, _("Un seul groupe patient est attendu."), "PID")
    _one_at_a_time(reading)
    event.apply(reading)


def _version(reading: Reading) -> None:
    header = reading.msh
    if not header.version.startswith("2.5"):
        raise Rejection(203, _("MSH-12 : la version attendue est 2.5."), "MSH^1^12", AR)
    if header.version != "2.5":
        reading.inform(_("MSH-12 : la version attendue est 2.5."), "MSH^1^12")
    if header.french is None:
        reading.inform(_("MSH-12 n’annonce pas de version française : elle est lue comme la 2.11."), "MSH^1^12")
    elif header.french < (2, 11):
        reading.inform(_("MSH-12 annonce une version française ancienne."), "MSH^1^12")


def _one_at_a_time(reading: Reading) -> None:
    """Messages about one person wait for each other, whatever the connections they come by."""
    first = reading.message.first("PID")
    names = {i.key for i in reading.pid.identifiers} | {i.key for i in mrg.former(reading.message)}
    for other in list(reading.message.all("PID"))[1:2]:
        names |= {i.key for i in pid.read(other).identifiers}
    visit = pv1.read(reading.message).number
    names |= {f"visit|{visit}"} if visit else set()
    if not first:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(k) FROM (SELECT hashtextextended(n, 0) k FROM unnest(%s::text[]) n ORDER BY 1) x",
            [[f"hl7|{reading.sender.pk}|{n}"[:500] for n in sorted(names)]],
        )


def find_sender(header: msh.Msh) -> Sender | None:
    """By MSH-3 and MSH-4. On a demonstration an unknown one is taken in: whoever tries it should see it work."""
    names = {"application": header.application[:180], "facility": header.facility[:180]}
    found = Sender.objects.filter(**names).select_related("client__organization").first()
    if found or not any(names.values()):
        return found
    hook = places.hook("demo")
    if hook and hook():
        return actions.declare_sender(
            actions.MACHINE, application=names["application"], facility=names["facility"], qualifies=True
        )
    return None


def replay(row: Message) -> Message:
    """Apply a kept message once more, as it came, under today's settings."""
    raw = bytes(row.raw)
    with translation.override("fr"), transaction.atomic():
        row = (
            Message.objects.select_for_update(of=("self",))
            .select_related("sender__client__organization")
            .get(pk=row.pk)
        )
        parsed = parse(raw)
        header = msh.read(parsed) if parsed else None
        if row.sender is None and header:
            sender = find_sender(header)
            if sender and not Message.objects.filter(sender=sender, sha256=row.sha256).exists():
                row.sender = sender
        row.replays += 1
        row.replayed_at = timezone.now()
        # The certificate was checked when it came.
        process(row, parsed, header, certificate=row.sender.certificate if row.sender else "")
    return row


def _sqlstate(error: BaseException) -> str:
    cause = getattr(error, "__cause__", None)
    return getattr(cause, "sqlstate", "") or ""
